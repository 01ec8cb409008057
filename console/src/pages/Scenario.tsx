// One scenario: how its runs went over time, the runs with their changes against the
// baseline, the plan in words, and when it runs.
import Button from '@cloudscape-design/components/button';
import ButtonDropdown from '@cloudscape-design/components/button-dropdown';
import Container from '@cloudscape-design/components/container';
import ContentLayout from '@cloudscape-design/components/content-layout';
import ExpandableSection from '@cloudscape-design/components/expandable-section';
import Header from '@cloudscape-design/components/header';
import KeyValuePairs from '@cloudscape-design/components/key-value-pairs';
import SpaceBetween from '@cloudscape-design/components/space-between';
import { lazy, Suspense } from 'react';
import { calls, useBaseline, useChange, useRuns, useScenario } from '../api/queries';
import { isActive, type RunRow, type ScenarioRecord } from '../api/types';
import { ChangeButton, lockedBy } from '../app/Change';
import { Info } from '../app/Info';
import { flash, flashError } from '../app/flash';
import { go, to } from '../app/router';
import { useReadOnly } from '../app/user';
import { standing } from '../numbers/standing';
import { startAgain } from '../plan/start';
import { planInWords, type Fields } from '../plan/words';
import { Failed, Inert, Loading } from '../ui/parts';
import { Outcome, Status, TrustWord } from '../ui/words';
import { Runs } from './list/Runs';

const Trend = lazy(() => import('../charts/Trend'));
/** Newest runs that the trend is drawn of. */
const IN_TREND = 60;

export default function Scenario({ test }: { test: string }) {
  const scenario = useScenario(test);
  const record = scenario.data;
  const version = `${record?.status} ${record?.totalTestRuns}`;
  const newest = useRuns(test, IN_TREND, version, record !== undefined);
  const baseline = useBaseline(test);
  if (scenario.error && !record) return <Failed error={scenario.error} what={`The scenario ${test}`} again={() => void scenario.refetch()} />;
  if (!record) return <Loading what="the scenario" />;
  const base = baseline.data?.baselineId ?? '';
  const rows = newest.data?.testRuns ?? [];
  const last = rows.find((run) => run.endTime);
  const plan = record.testScenario as unknown as Fields;
  return (
    <ContentLayout header={<Head record={record} base={base} last={last} />}>
      <SpaceBetween size="l">
        <Container>
          <SpaceBetween size="s">
            <SpaceBetween direction="horizontal" size="m">
              {isActive(record.status) || !last ? (
                <Status status={record.status} />
              ) : (
                <SpaceBetween direction="horizontal" size="m">
                  <Outcome word={last.outcome?.word} status={last.status} />
                  <TrustWord trust={last.verdict?.trust} />
                </SpaceBetween>
              )}
              {isActive(record.status) && <Watch test={test} rows={rows} />}
            </SpaceBetween>
            {last && <div className="sentence">Last run: {lower(sentenceOf(last))}</div>}
            {newest.data && !last && !isActive(record.status) && <div className="sentence">It has not run yet.</div>}
            {record.errorReason && <Inert>{record.errorReason}</Inert>}
            {newest.error && !newest.data && <Failed error={newest.error} what="The last runs" again={() => void newest.refetch()} />}
          </SpaceBetween>
        </Container>
        {rows.filter((run) => run.endTime).length > 0 && (
          <Container header={<Header variant="h2" info={<Info topic="baseline" of="the baseline and the trend" />}>Trend</Header>}>
            <Suspense fallback={<Loading what="the chart" />}>
              <Trend runs={rows} baseline={base} open={(run) => go(to(['scenarios', test, 'runs', run]))} />
            </Suspense>
          </Container>
        )}
        <Runs test={test} base={base} version={version} known={rows} />
        <Container header={<Header variant="h2" description={planInWords(plan, record.testTaskConfigs)} actions={<Button href={to(['scenarios', test, 'edit'])}>Edit</Button>}>Plan</Header>}>
          <SpaceBetween size="s">
            <KeyValuePairs
              columns={3}
              items={[
                { label: 'Where', value: record.testTaskConfigs.map((row) => <div key={row.region}>{row.region}: {row.taskCount} {Number(row.taskCount) === 1 ? 'runner' : 'runners'}</div>) },
                { label: 'Judged by', value: record.thresholds && record.thresholds.length > 0 ? record.thresholds.map((text) => <div key={text}><Inert>{text}</Inert></div>) : 'nothing: runs end as “finished”' },
                { label: 'Next', value: record.nextRun ? `${record.nextRun.slice(0, 16)} (${record.scheduleTimezone})${record.cronValue ? `, cron ${record.cronValue}` : record.scheduleRecurrence ? `, ${record.scheduleRecurrence}` : ', once'}` : 'not scheduled' },
                { label: 'Tags', value: record.tags.join(', ') || '–' },
              ]}
            />
            <ExpandableSection headerText="All of it">
              <pre className="mono" tabIndex={0}>{JSON.stringify(plan, null, 2)}</pre>
            </ExpandableSection>
          </SpaceBetween>
        </Container>
      </SpaceBetween>
    </ContentLayout>
  );
}

function Watch({ test, rows }: { test: string; rows: RunRow[] }) {
  const going = rows.find((run) => isActive(run.status));
  return going ? <Button variant="primary" href={to(['scenarios', test, 'runs', going.testRunId])}>Watch the run</Button> : null;
}

function sentenceOf(run: RunRow): string {
  return standing({ word: run.outcome?.word, trust: run.verdict?.trust, p95Us: run.ok_times?.p95_us, ok: run.success, failed: run.errors, status: run.status });
}

const lower = (text: string) => text.charAt(0).toLowerCase() + text.slice(1);

function Head({ record, base, last }: { record: ScenarioRecord; base: string; last: RunRow | undefined }) {
  const test = record.testId;
  const start = useChange(() => startAgain(test));
  const stop = useChange(() => calls.cancel(test));
  const remove = useChange(() => calls.remove(test));
  const clear = useChange(() => calls.clearBaseline(test));
  const isGoing = isActive(record.status);
  const readOnly = useReadOnly();
  return (
    <Header
      variant="h1"
      description={<Inert>{record.testDescription}</Inert>}
      actions={
        <SpaceBetween direction="horizontal" size="xs">
          <ButtonDropdown
            items={[
              { id: 'edit', text: 'Edit' },
              { id: 'compare', text: 'Compare runs', disabled: !last },
              { id: 'clear', text: 'Clear baseline', disabled: !base, ...lockedBy(readOnly) },
              { id: 'cancel', text: isGoing ? 'Cancel the run' : 'Drop the schedule', disabled: !isGoing && !record.nextRun, ...lockedBy(readOnly) },
              { id: 'delete', text: 'Delete', disabled: isGoing, disabledReason: 'A run is in progress.', ...lockedBy(readOnly) },
            ]}
            onItemClick={({ detail }) => {
              if (detail.id === 'edit') go(to(['scenarios', test, 'edit']));
              if (detail.id === 'compare') go(to(['scenarios', test, 'compare'], { run: last?.testRunId, with: base === last?.testRunId ? '' : base }));
              if (detail.id === 'clear') clear.mutate(undefined, { onError: flashError('The baseline was not cleared') });
              if (detail.id === 'cancel') stop.mutate(undefined, { onError: flashError('It was not cancelled') });
              if (detail.id === 'delete' && window.confirm(`Delete the scenario ${test} with its ${record.totalTestRuns} runs?`))
                remove.mutate(undefined, {
                  onSuccess: () => {
                    flash('success', `The scenario ${test} is deleted.`);
                    go(to(['scenarios']));
                  },
                  onError: flashError('It was not deleted'),
                });
            }}
          >
            Actions
          </ButtonDropdown>
          <ChangeButton variant="primary" loading={start.isPending} disabled={isGoing} disabledReason="A run is in progress." onClick={() => start.mutate(undefined, { onSuccess: (run) => go(to(['scenarios', test, 'runs', run], { new: '1' })), onError: flashError('The run was not started') })}>
            Run
          </ChangeButton>
        </SpaceBetween>
      }
    >
      <Inert>{record.testName}</Inert>
    </Header>
  );
}
