// Create or change a scenario: the form in the order of thinking, the same as YAML, and
// beside them what it comes to. Faults of the API stand at their fields.
import Alert from '@cloudscape-design/components/alert';
import Button from '@cloudscape-design/components/button';
import ColumnLayout from '@cloudscape-design/components/column-layout';
import Container from '@cloudscape-design/components/container';
import ContentLayout from '@cloudscape-design/components/content-layout';
import Grid from '@cloudscape-design/components/grid';
import Header from '@cloudscape-design/components/header';
import SpaceBetween from '@cloudscape-design/components/space-between';
import Tabs from '@cloudscape-design/components/tabs';
import { lazy, Suspense, useEffect, useRef, useState } from 'react';
import { ApiError, type Fault } from '../api/client';
import { useRoom, useScenario } from '../api/queries';
import { isActive } from '../api/types';
import { ChangeButton } from '../app/Change';
import { flash } from '../app/flash';
import { go, to, useQueryParam, useQueryValue } from '../app/router';
import { duration } from '../numbers/format';
import { parseCurl } from '../plan/curl';
import { draftOf, emptyDraft, get, set } from '../plan/draft';
import { kindOf, nameOf, scriptOf, type Kind } from '../plan/scripts';
import { lengthOf, number, planInWords, type Fields } from '../plan/words';
import { bounded, Failed, Inert, Loading, To } from '../ui/parts';
import { TextField } from './edit/common';
import { Files, NewFiles } from './edit/Files';
import { Load } from './edit/Load';
import { Once } from './edit/Once';
import { Requests, scenarioPath } from './edit/Requests';
import { Judge, Where } from './edit/Rest';
import { KindChoice, Script } from './edit/Script';
import { useKeep } from './edit/useKeep';
import { modeOf, When, type Mode } from './edit/When';

const Yaml = lazy(() => import('./edit/Yaml'));

export default function Edit({ test }: { test: string }) {
  const scenario = useScenario(test);
  const rooms = useRoom();
  if (scenario.error && !scenario.data) return <Failed error={scenario.error} what={`The scenario ${test}`} />;
  if (rooms.error && !rooms.data) return <Failed error={rooms.error} what="The regions" again={() => void rooms.refetch()} />;
  if ((test && !scenario.data) || !rooms.data) return <Loading what="the scenario" />;
  const first = test && scenario.data ? draftOf(scenario.data) : emptyDraft(rooms.data[0]?.region ?? '');
  return <Form key={test || 'new'} test={test} first={first} name={scenario.data?.testName ?? ''} isGoing={isActive(scenario.data?.status)} />;
}

/** A new draft begins with what was pasted; what cannot be read stays in the field. */
function withPasted(first: Fields, pasted: string): Fields {
  if (pasted === '') return first;
  try {
    const request = parseCurl(pasted);
    const named = set(first, ['testName'], `Test of ${new URL(request.url).host}`);
    return set(named, [...scenarioPath(named), 'requests', 0], request);
  } catch {
    return first;
  }
}

function Form({ test, first, name, isGoing }: { test: string; first: Fields; name: string; isGoing: boolean }) {
  const pasted = useQueryValue('paste');
  const [tab, setTab] = useQueryParam('view');
  const [draft, change] = useState(() => withPasted(first, pasted));
  const [mode, setMode] = useState<Mode>(() => modeOf(first, test === ''));
  const [faults, setFaults] = useState<Fault[]>([]);
  const [refusal, setRefusal] = useState('');
  const [warnings, setWarnings] = useState<string[]>([]);
  const page = useRef<HTMLDivElement>(null);
  const part = { draft, change, faults };
  const [files, setFiles] = useState<File[]>([]);
  // Files that a kept scenario got from this page: a try can send them, too.
  const [here, setHere] = useState<File[]>([]);
  const others = (list: File[], names: string[]) => list.filter((file) => !names.includes(file.name));
  const addTo = (list: File[], added: File[]) => [...others(list, added.map((file) => file.name)), ...added];
  // What was written as another kind comes back with it.
  const [written] = useState(() => new Map<Kind, Fields>());
  const { keep, keptAs } = useKeep(test);
  const kind = kindOf(draft);
  const isScript = kind !== 'simple';
  const isDirty = draft !== first;

  useEffect(() => {
    if (!isDirty || keep.isSuccess) return;
    const ask = (event: BeforeUnloadEvent) => event.preventDefault();
    window.addEventListener('beforeunload', ask);
    return () => window.removeEventListener('beforeunload', ask);
  }, [isDirty, keep.isSuccess]);

  // The first fault is shown and focused.
  useEffect(() => {
    if (faults.length === 0 && refusal === '') return;
    const field = page.current?.querySelector<HTMLElement>('[aria-invalid="true"]') ?? page.current?.querySelector<HTMLElement>('[data-refusal]');
    field?.scrollIntoView({ block: 'center' });
    field?.focus({ preventScroll: true });
  }, [faults, refusal]);

  const send = () => {
    setFaults([]);
    setRefusal('');
    keep.mutate({ draft, mode, files }, {
      onSuccess: (answer) => {
        const told = answer.warnings ?? [];
        setWarnings(told);
        for (const warning of told.slice(0, 3)) flash('warning', warning);
        const id = answer.testId || test;
        flash('success', mode === 'run' ? 'The run is started.' : mode === 'save' ? 'The scenario is kept.' : `The scenario is kept and runs next at ${answer.nextRun.slice(0, 16)}.`);
        go(mode === 'run' && answer.testRunId ? to(['scenarios', id, 'runs', answer.testRunId], { new: '1' }) : to(['scenarios', id]));
      },
      onError: (error) => {
        if (error instanceof ApiError && error.faults.length > 0) setFaults(error.faults);
        setRefusal(error.message);
        if (tab === 'yaml') return;
      },
    });
  };
  const tasks = ((draft['testTaskConfigs'] as Fields[] | undefined) ?? []).map((row) => ({ region: String(row['region']), taskCount: row['taskCount'] }));
  const requests = (get(draft, [...scenarioPath(draft), 'requests']) as unknown[] | undefined) ?? [];
  const verb = mode === 'run' ? 'Keep and run' : mode === 'save' ? 'Keep' : 'Keep and schedule';
  const kinds = <KindChoice draft={draft} change={change} setFiles={setFiles} written={written} />;
  const form = (
    <SpaceBetween size="l">
      {isScript ? <Script {...part} files={files} setFiles={setFiles} kinds={kinds} /> : <Requests {...part} pasted={draft === first ? pasted : ''} kinds={kinds} />}
      {!isScript && <Once draft={draft} kept={test} count={requests.length} setFaults={setFaults} files={test ? here : files} addFiles={(added) => (test ? setHere((list) => addTo(list, added)) : setFiles((list) => addTo(list, added)))} />}
      <Container header={<Header variant="h2">Name</Header>}>
        <ColumnLayout columns={2}>
          <TextField {...part} path={['testName']} label="Name" read={(text) => text} />
          <TextField {...part} path={['testDescription']} label="Description (optional)" read={(text) => text} />
          <TextField {...part} path={['tags']} label="Tags (optional)" description="At most 5, between commas." read={(text) => (text.trim() === '' ? [] : text.split(','))} />
        </ColumnLayout>
      </Container>
      <Load {...part} isScript={isScript} />
      <Where {...part} />
      <Judge {...part} test={test} />
      {test ? <Files test={test} sent={({ added = [], removed = '' }) => setHere((list) => addTo(others(list, [removed]), added))} /> : !isScript && <NewFiles files={files} setFiles={setFiles} />}
      <When {...part} mode={mode} setMode={setMode} />
    </SpaceBetween>
  );
  return (
    <div ref={page}>
      <ContentLayout
        header={
          <Header
            variant="h1"
            actions={
              <SpaceBetween direction="horizontal" size="xs">
                <Button onClick={() => go(test ? to(['scenarios', test]) : '#/')}>Leave</Button>
                <ChangeButton variant="primary" loading={keep.isPending} disabled={isGoing} disabledReason="A run is in progress: it can be changed afterwards." onClick={send}>{verb}</ChangeButton>
              </SpaceBetween>
            }
          >
            {test ? <>Edit <Inert>{name}</Inert></> : 'Create scenario'}
          </Header>
        }
      >
        <Grid gridDefinition={[{ colspan: { default: 12, m: 8 } }, { colspan: { default: 12, m: 4 } }]}>
          <SpaceBetween size="l">
            {refusal && (
              <div data-refusal tabIndex={-1}>
                <Alert type="error" header={faults.length > 0 ? `${faults.length} ${faults.length === 1 ? 'field is' : 'fields are'} wrong; nothing was kept` : keptAs() ? 'It is kept, and does not run' : 'It was not kept'}>
                  {faults.length > 0 ? (
                    <ul style={{ margin: 0, paddingLeft: 18 }}>{faults.map((fault) => <li key={fault.path + fault.message}><code>{fault.path}</code>: <Inert>{fault.message}</Inert></li>)}</ul>
                  ) : (
                    <Inert most={2000}>{refusal}</Inert>
                  )}
                  {keptAs() && <div><To href={to(['scenarios', keptAs()])}>See the scenario</To></div>}
                </Alert>
              </div>
            )}
            <Tabs
              activeTabId={tab === 'yaml' ? 'yaml' : 'form'}
              onChange={({ detail }) => setTab(detail.activeTabId === 'yaml' ? 'yaml' : '')}
              ariaLabel="Views of the scenario"
              i18nStrings={{ scrollLeftAriaLabel: 'Earlier views', scrollRightAriaLabel: 'Later views' }}
              tabs={[
                { id: 'form', label: 'Form', content: form },
                { id: 'yaml', label: 'YAML or JSON', content: <Suspense fallback={<Loading what="the text" />}><Yaml draft={draft} change={change} /></Suspense> },
              ]}
            />
          </SpaceBetween>
          <div style={{ position: 'sticky', top: 70 }}>
            <Container header={<Header variant="h2">What it comes to</Header>}>
              <SpaceBetween size="s">
                <b>{planInWords(get(draft, ['testScenario']) as Fields, tasks)}</b>
                <span>{isScript ? `The ${nameOf(kind)} script ${bounded(scriptOf(draft), 60) || '(none yet)'}` : `${requests.length} ${requests.length === 1 ? 'request' : 'requests'} each time`}, {duration(lengthOf(get(draft, ['testScenario']) as Fields))} of load.</span>
                <span>Room needed: {tasks.length === 0 ? 'none.' : tasks.map((row, at) => <span key={at}>{number(row.taskCount) ?? '?'} in <span className="whole">{row.region}{at + 1 < tasks.length ? ',' : '.'}</span> </span>)}</span>
                {!isScript && requests.length === 0 && <span className="warn">There is no request yet: paste a URL.</span>}
                {isScript && scriptOf(draft) === '' && <span className="warn">There is no script yet: choose a file.</span>}
                {((draft['thresholds'] as unknown[] | undefined) ?? []).length === 0 && <span className="warn">There is no threshold: a run will be “finished”, neither passed nor failed.</span>}
                {warnings.map((warning) => <Alert key={warning} type="warning"><Inert>{warning}</Inert></Alert>)}
              </SpaceBetween>
            </Container>
          </div>
        </Grid>
      </ContentLayout>
    </div>
  );
}
