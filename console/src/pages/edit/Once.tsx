// Try once: the requests of the draft are sent one time by one runner, and what was sent,
// what came back, which checks held and which values were extracted stands here, step by
// step. Nothing of the draft is kept.
import Alert from '@cloudscape-design/components/alert';
import Button from '@cloudscape-design/components/button';
import Container from '@cloudscape-design/components/container';
import ExpandableSection from '@cloudscape-design/components/expandable-section';
import Header from '@cloudscape-design/components/header';
import SpaceBetween from '@cloudscape-design/components/space-between';
import StatusIndicator from '@cloudscape-design/components/status-indicator';
import { useRef, useState } from 'react';
import { ApiError, type Fault } from '../../api/client';
import { upload } from '../../api/files';
import { calls, useChange, useRun } from '../../api/queries';
import { isActive, type ExchangeRow, type RunRecord } from '../../api/types';
import { ChangeButton } from '../../app/Change';
import { flashError } from '../../app/flash';
import { to } from '../../app/router';
import { time } from '../../numbers/format';
import { newId } from '../../plan/draft';
import { checksOf, filesOf, isOfRequests, missingFiles, onceBody, triedPart } from '../../plan/once';
import { room } from '../../plan/start';
import type { Fields } from '../../plan/words';
import { bounded, Inert, To } from '../../ui/parts';
import { visible } from '../../ui/visible';
import { Choose } from './Choose';
import { scenarioPath } from './Requests';

/** Steps that are shown open; of more, those that failed. */
const MOST_OPEN = 3;

interface Tried {
  test: string;
  run: string;
  /** The draft as it was tried. */
  draft: Fields;
}

interface Props {
  draft: Fields;
  /** The scenario that is edited, if one is: its secrets stand for the draft's placeholders. */
  kept?: string;
  count: number;
  /** Files that were chosen on this page; those of a kept scenario that came before cannot be read back. */
  files: File[];
  addFiles: (files: File[]) => void;
  setFaults: (faults: Fault[]) => void;
}

export function Once({ draft, kept = '', count, files, addFiles, setFaults }: Props) {
  const [tried, setTried] = useState<Tried>();
  // The one-off scenario that files were sent to, and which of them it has.
  const sent = useRef<{ test: string; files: Set<File> }>(undefined);
  const [refusal, setRefusal] = useState('');
  /** Sends the files that are read; answers the scenario that has them. They come first, as the API wants it. */
  const withFiles = async (known: string): Promise<string> => {
    const names = filesOf(draft);
    const read = files.filter((file) => names.includes(file.name));
    if (read.length === 0) return known || (sent.current?.test ?? '');
    const test = known || (sent.current?.test ?? newId());
    if (sent.current?.test !== test) sent.current = { test, files: new Set() };
    for (const file of read) {
      if (sent.current.files.has(file)) continue;
      await upload(test, file);
      sent.current.files.add(file);
    }
    return test;
  };
  const start = useChange(async (): Promise<Tried> => {
    const rooms = await room();
    const wanted = ((draft['testTaskConfigs'] as Fields[] | undefined) ?? []).map((row) => String(row['region']));
    const region = wanted.find((name) => rooms[name]) ?? Object.keys(rooms)[0] ?? '';
    const known = await withFiles(tried?.test ?? '');
    const answer = await calls.keep(onceBody(draft, region, rooms, { known, kept }));
    return { test: answer.testId, run: answer.testRunId ?? '', draft };
  });
  const record = useRun(tried?.test ?? '', tried?.run ?? '', tried !== undefined);
  const isGoing = start.isPending || (tried !== undefined && !record.error && (!record.data || isActive(record.data.status)));
  const send = () => {
    setFaults([]);
    setRefusal('');
    start.mutate(undefined, {
      onSuccess: setTried,
      onError: (error) => {
        setRefusal(error.message);
        // What the form has fields for is said there, too.
        if (error instanceof ApiError) setFaults(error.faults.filter(({ path }) => isOfRequests(path, scenarioPath(draft))));
      },
    });
  };
  const missing = missingFiles(draft, files);
  return (
    <Container
      header={
        <Header
          variant="h2"
          description="Sends these requests one time from one runner, and shows what came back. It is no load, and keeps nothing of this page."
          actions={
            <ChangeButton
              iconName="caret-right-filled"
              loading={isGoing}
              disabled={count === 0 || missing.length > 0}
              disabledReason={count === 0 ? 'There is no request yet.' : `Choose ${bounded(missing.join(', '), 200)} below first: these requests read it.`}
              onClick={send}
            >
              Try once
            </ChangeButton>
          }
        >
          Try
        </Header>
      }
    >
      <SpaceBetween size="s">
        {count > 0 && missing.length > 0 && <Missing names={missing} isKept={kept !== ''} add={addFiles} />}
        {refusal && <Alert type="error" header="It was not tried"><Inert most={2000}>{refusal}</Inert></Alert>}
        {record.error && tried && <Alert type="error" header="What came of it could not be read" action={<Button onClick={() => void record.refetch()}>Try again</Button>}><Inert>{record.error.message}</Inert></Alert>}
        {isGoing && tried && <Going tried={tried} record={record.data ?? null} />}
        {!tried && !refusal && !isGoing && missing.length === 0 && <span className="muted">Not tried yet.</span>}
        {tried && !isGoing && record.data && <Came tried={tried} record={record.data} isOld={triedPart(tried.draft) !== triedPart(draft)} />}
      </SpaceBetween>
    </Container>
  );
}

/** Asks for files that are read and not here; one of another name is told so. */
function Missing({ names, isKept, add }: { names: string[]; isKept: boolean; add: (files: File[]) => void }) {
  const [others, setOthers] = useState<string[]>([]);
  const inFolders = names.filter((name) => /[/\\]/.test(name));
  const take = (chosen: File[]) => {
    setOthers(chosen.map((file) => file.name).filter((name) => !names.includes(name)));
    add(chosen.filter((file) => names.includes(file.name)));
  };
  const list = bounded(names.join(', '), 300);
  return (
    <SpaceBetween size="xs">
      <div>
        These requests read <bdi>{list}</bdi>.{' '}
        {isKept
          ? 'A try is a run of its own, and files that were kept before cannot be read back: choose them here once more. What is kept stays as it is.'
          : 'Choose what is missing here: it is kept with the scenario, too.'}
      </div>
      {inFolders.length > 0 && <span className="warn">Files are named without folders: write {bounded(inFolders.map((name) => name.replace(/^.*[/\\]/, '')).join(', '), 200)} in the scenario.</span>}
      <Choose isMany files={[]} change={take} fault={others.length > 0 ? `${bounded(others.join(', '), 200)} is not read by these requests: choose ${list}.` : undefined} />
    </SpaceBetween>
  );
}

function Going({ tried, record }: { tried: Tried; record: RunRecord | null }) {
  const cancel = useChange(() => calls.cancel(tried.test));
  return (
    <SpaceBetween direction="horizontal" size="s" alignItems="center">
      <StatusIndicator type="in-progress">{record?.status === 'running' ? 'The requests are sent.' : 'A runner is started; on AWS that takes about a minute.'}</StatusIndicator>
      <Button variant="inline-link" loading={cancel.isPending} onClick={() => cancel.mutate(undefined, { onError: flashError('The try was not cancelled') })}>Cancel</Button>
    </SpaceBetween>
  );
}

function Came({ tried, record, isOld }: { tried: Tried; record: RunRecord; isOld: boolean }) {
  const { exchanges = [], warnings = [] } = record;
  const failed = exchanges.filter((one) => one.cause !== undefined).length;
  const sentence = exchanges.length === 0 ? 'No request was sent.' : `${exchanges.length} ${exchanges.length === 1 ? 'request was' : 'requests were'} sent; ${failed === 0 ? 'all are ok' : `${failed} failed`}.`;
  return (
    <SpaceBetween size="s">
      <div>
        <StatusIndicator type={exchanges.length === 0 || failed > 0 ? 'error' : 'success'}>{sentence}</StatusIndicator>{' '}
        <To href={to(['scenarios', tried.test, 'runs', tried.run])}>The run with all its numbers</To>
        {isOld && <span className="warn"> The requests were changed since.</span>}
      </div>
      {exchanges.length === 0 && <Inert most={2000}>{record.errorReason || record.outcome?.reason || `The run is ${record.status}.`}</Inert>}
      {warnings.map((warning) => <Alert key={warning} type="warning"><Inert most={2000}>{warning}</Inert></Alert>)}
      {exchanges.map((one, at) => (
        <Step key={at} one={one} at={at} checks={isHop(exchanges, at) ? 0 : checksOf(tried.draft, one.label)} isOpen={exchanges.length <= MOST_OPEN || one.cause !== undefined} />
      ))}
    </SpaceBetween>
  );
}

/** A redirect that was followed by a request of the same step: only the last answer is checked. */
function isHop(exchanges: ExchangeRow[], at: number): boolean {
  const [one, next] = [exchanges[at], exchanges[at + 1]];
  const status = one?.status ?? 0;
  return status >= 300 && status < 400 && next !== undefined && next.label === one?.label;
}

function Step({ one, at, checks, isOpen }: { one: ExchangeRow; at: number; checks: number; isOpen: boolean }) {
  const held = checks === 0 ? '' : checks === 1 ? ', its check holds' : `, its ${checks} checks hold`;
  return (
    <ExpandableSection
      variant="container"
      defaultExpanded={isOpen}
      headerText={<>{at + 1}. <Inert most={120}>{one.label}</Inert></>}
      headerDescription={bounded(one.url, 200)}
    >
      <SpaceBetween size="s">
        <div>
          {one.cause === undefined ? (
            <StatusIndicator type="success">{one.status ?? ''} ok{held}</StatusIndicator>
          ) : (
            <StatusIndicator type="error">{one.status === undefined ? 'no answer' : one.status}, {one.cause}: <Inert most={1000}>{one.message ?? ''}</Inert></StatusIndicator>
          )}{' '}
          <span className="muted">after {time(one.response_us)}</span>
        </div>
        {(one.values ?? []).length > 0 && (
          <div>
            <b>Extracted</b>
            {(one.values ?? []).map(({ name, value }, row) => (
              <div key={row}><code>{bounded(name, 100)}</code> = <Inert most={1000}>{value}</Inert></div>
            ))}
          </div>
        )}
        <div className="exchange">
          <div>
            <b>Request</b>
            <pre className="mono" tabIndex={0}>{visible(one.request) || '(nothing was sent)'}</pre>
          </div>
          <div>
            <b>Answer</b>
            <pre className="mono" tabIndex={0}>{visible(one.response) || '(nothing came)'}</pre>
          </div>
        </div>
        {one.cut && <span className="muted">What is longer than 16 KiB is cut.</span>}
      </SpaceBetween>
    </ExpandableSection>
  );
}
