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
import Table from '@cloudscape-design/components/table';
import { lazy, Suspense, useState } from 'react';
import { calls, useBaseline, useChange, useRunPages, useScenario } from '../api/queries';
import { isActive, type RunRow, type ScenarioRecord } from '../api/types';
import { flash, flashError } from '../app/flash';
import { go, to } from '../app/router';
import { change, count, percent, rate } from '../numbers/format';
import { standing } from '../numbers/standing';
import { startAgain } from '../plan/start';
import { planInWords, type Fields } from '../plan/words';
import { Empty, Failed, Inert, Loading, Num, Time, To, When } from '../ui/parts';
import { Outcome, Status, TrustWord } from '../ui/words';

const Trend = lazy(() => import('../charts/Trend'));
const MOST_CHOSEN = 5;

export default function Scenario({ test }: { test: string }) {
  const scenario = useScenario(test);
  const record = scenario.data;
  const runs = useRunPages(test, `${record?.status} ${record?.totalTestRuns}`, record !== undefined);
  const baseline = useBaseline(test);
  if (scenario.error && !record) return <Failed error={scenario.error} what={`The scenario ${test}`} again={() => void scenario.refetch()} />;
  if (!record) return <Loading what="the scenario" />;
  const base = baseline.data?.baselineId ?? '';
  const rows = runs.data?.pages.flatMap((page) => page.testRuns) ?? [];
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
            {!last && !isActive(record.status) && <div className="sentence">It has not run yet.</div>}
            {record.errorReason && <Inert>{record.errorReason}</Inert>}
          </SpaceBetween>
        </Container>
        {rows.filter((run) => run.endTime).length > 0 && (
          <Container header={<Header variant="h2">Trend</Header>}>
            <Suspense fallback={<Loading what="the chart" />}>
              <Trend runs={rows} baseline={base} open={(run) => go(to(['scenarios', test, 'runs', run]))} />
            </Suspense>
          </Container>
        )}
        <Runs test={test} rows={rows} base={base} total={runs.data?.pages[0]?.pagination.total_count ?? record.totalTestRuns} isLoading={runs.isPending} error={runs.error} more={runs.hasNextPage ? () => void runs.fetchNextPage() : undefined} isLoadingMore={runs.isFetchingNextPage} />
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
              { id: 'clear', text: 'Clear baseline', disabled: !base },
              { id: 'cancel', text: isGoing ? 'Cancel the run' : 'Drop the schedule', disabled: !isGoing && !record.nextRun },
              { id: 'delete', text: 'Delete', disabled: isGoing, disabledReason: 'A run is in progress.' },
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
          <Button variant="primary" loading={start.isPending} disabled={isGoing} onClick={() => start.mutate(undefined, { onSuccess: (run) => go(to(['scenarios', test, 'runs', run], { new: '1' })), onError: flashError('The run was not started') })}>
            Run
          </Button>
        </SpaceBetween>
      }
    >
      <Inert>{record.testName}</Inert>
    </Header>
  );
}

interface RunsProps {
  test: string;
  rows: RunRow[];
  base: string;
  total: number;
  isLoading: boolean;
  error: unknown;
  more: (() => void) | undefined;
  isLoadingMore: boolean;
}

function Runs({ test, rows, base, total, isLoading, error, more, isLoadingMore }: RunsProps) {
  const [chosen, setChosen] = useState<RunRow[]>([]);
  const picked = rows.filter((run) => chosen.some((one) => one.testRunId === run.testRunId));
  const remove = useChange((ids: string[]) => calls.removeRuns(test, ids));
  const setBase = useChange((id: string) => calls.setBaseline(test, id));
  const baseRow = rows.find((run) => run.testRunId === base);
  if (error && rows.length === 0) return <Failed error={error} what="The runs" />;
  const [newer, ...others] = picked;
  return (
    <Table<RunRow>
      header={
        <Header
          variant="h2"
          counter={`(${count(total)})`}
          description={baseRow ? 'Below each number: its change against the baseline. Whether a change is real is said by a comparison.' : 'Set a run as baseline to see what changes.'}
          actions={
            <SpaceBetween direction="horizontal" size="xs">
              <Button disabled={picked.length === 0 || picked.some((run) => run.testRunId === base || isActive(run.status))} onClick={() => {
                if (window.confirm(`Delete ${picked.length} ${picked.length === 1 ? 'run' : 'runs'} with their results?`))
                  remove.mutate(picked.map((run) => run.testRunId), { onSuccess: () => setChosen([]), onError: flashError('The runs were not deleted') });
              }}>
                Delete
              </Button>
              <Button disabled={picked.length !== 1 || newer?.testRunId === base} onClick={() => newer && setBase.mutate(newer.testRunId, { onSuccess: () => flash('success', `Run ${newer.testRunId} is the baseline.`), onError: flashError('The baseline was not set') })}>
                Set as baseline
              </Button>
              <Button
                disabled={picked.length < (base ? 1 : 2) || picked.length > MOST_CHOSEN}
                onClick={() => go(to(['scenarios', test, 'compare'], { run: newer?.testRunId, with: others.length > 0 ? others.map((run) => run.testRunId).join(',') : base }))}
              >
                Compare
              </Button>
            </SpaceBetween>
          }
        >
          Runs
        </Header>
      }
      loading={isLoading}
      loadingText="Loading runs…"
      items={rows}
      trackBy="testRunId"
      selectionType="multi"
      selectedItems={picked}
      onSelectionChange={({ detail }) => setChosen(detail.selectedItems)}
      empty={<Empty title="There is no run yet." next={<span>Press Run above.</span>} />}
      footer={more && <Button loading={isLoadingMore} onClick={more}>{`Show more: ${count(rows.length)} of ${count(total)} are here`}</Button>}
      columnDefinitions={[
        { id: 'when', header: 'Started', isRowHeader: true, minWidth: 120, cell: (run) => <><To href={to(['scenarios', test, 'runs', run.testRunId])}><When stamp={run.startTime} /></To>{run.testRunId === base && <div className="muted" style={{ fontSize: 12 }}>baseline</div>}</> },
        { id: 'outcome', header: 'Result', minWidth: 110, cell: (run) => <Outcome word={run.outcome?.word} status={run.status} /> },
        { id: 'trust', header: 'Trust', minWidth: 110, cell: (run) => <TrustWord trust={run.verdict?.trust} /> },
        { id: 'p95', header: <Num>p95</Num>, cell: (run) => <Delta value={run.ok_times?.p95_us} base={run === baseRow ? undefined : baseRow?.ok_times?.p95_us}><Time us={run.ok_times?.p95_us} why="no request succeeded" /></Delta> },
        { id: 'p50', header: <Num>p50</Num>, cell: (run) => <Delta value={run.ok_times?.p50_us} base={run === baseRow ? undefined : baseRow?.ok_times?.p50_us}><Time us={run.ok_times?.p50_us} why="no request succeeded" /></Delta> },
        { id: 'failed', header: <Num>Failed</Num>, cell: (run) => <Num title={`${count(run.errors)} of ${count(run.requests)}`}>{run.requests ? percent((run.errors ?? 0) / run.requests) : '–'}</Num> },
        { id: 'rate', header: <Num>Rate</Num>, cell: (run) => <Num>{rate(run.rate_per_s ?? run.requestsPerSecond)}</Num> },
        { id: 'requests', header: <Num>Requests</Num>, cell: (run) => <Num>{count(run.requests)}</Num> },
        { id: 'id', header: 'Id', cell: (run) => <code>{run.testRunId}</code> },
      ]}
      ariaLabels={{ tableLabel: 'Runs', selectionGroupLabel: 'Choose runs', allItemsSelectionLabel: () => 'All runs', itemSelectionLabel: (_, run) => `Run ${run.testRunId}` }}
    />
  );
}

function Delta({ value, base, children }: { value: number | null | undefined; base: number | null | undefined; children: React.ReactNode }) {
  return (
    <>
      {children}
      {value && base ? <div className="num muted" style={{ fontSize: 12 }} title="against the baseline">{change(((value - base) / base) * 100)}</div> : null}
    </>
  );
}
