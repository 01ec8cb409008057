// A run while it goes on: how it stands, the charts from its first second on, the
// runners, what failed, and the ways to change and to stop it.
import Alert from '@cloudscape-design/components/alert';
import Button from '@cloudscape-design/components/button';
import Container from '@cloudscape-design/components/container';
import ContentLayout from '@cloudscape-design/components/content-layout';
import Grid from '@cloudscape-design/components/grid';
import Header from '@cloudscape-design/components/header';
import ProgressBar from '@cloudscape-design/components/progress-bar';
import StatusIndicator from '@cloudscape-design/components/status-indicator';
import SpaceBetween from '@cloudscape-design/components/space-between';
import { useEffect, useMemo, useState } from 'react';
import { queryClient } from '../../api/queries';
import type { LoadChange, RunRecord, RunnerState, ScenarioRecord } from '../../api/types';
import { Info } from '../../app/Info';
import { to, useQueryValue } from '../../app/router';
import { causeColor } from '../../charts/frame';
import RunCharts from '../../charts/RunCharts';
import { useZoom } from '../../charts/zoom';
import { useLive, type Live } from '../../live/useLive';
import { count, duration, near, percent, plain, rate } from '../../numbers/format';
import { plannedAt } from '../../numbers/seconds';
import { thresholdsSoFar, trustSoFar } from '../../numbers/sofar';
import { lasts, newest } from '../../plan/changes';
import { countedEnd, progress } from '../../plan/progress';
import { loadOf, planInWords, requestsPerWalk, type Fields } from '../../plan/words';
import { Figure, Inert, To } from '../../ui/parts';
import { Status, TrustWord } from '../../ui/words';
import { Cancel, LoadControl } from './Control';
import { useLiveWindow } from './useWindow';

/** Seconds that the newest figures are over. */
const WINDOW_S = 10;
const MOST_POINTS = 240;

interface Props {
  test: string;
  run: string;
  record: RunRecord | null;
  scenario: ScenarioRecord | null;
}

export default function LiveRun({ test, run, record, scenario }: Props) {
  const live = useLive(test, run, true);
  const zoom = useZoom();
  const stretches = useLiveWindow(test, run, live.seconds, zoom, MOST_POINTS);
  const isWall = useQueryValue('wall') === '1';
  const plan = (record?.testScenario ?? (typeof scenario?.testScenario === 'object' ? scenario.testScenario : undefined)) as Fields | undefined;
  const status = live.status ?? record?.status ?? scenario?.status ?? 'queued';
  // The stream tells the load when the run begins; a person may have changed it since.
  const [answered, setAnswered] = useState<readonly LoadChange[]>([]);
  const changes = newest(live.load?.changes, record?.load?.changes, answered);
  const isChanged = (record?.load?.changes?.length ?? 0) > (live.load?.changes?.length ?? 0);
  const told = isChanged ? record?.load : (live.load ?? record?.load);
  const whole = lasts(plan, told, changes);
  const tasks = record?.testTaskConfigs ?? scenario?.testTaskConfigs ?? [];
  // A topic keeps nothing: who was not there when the load was told has the plan.
  const count = tasks.reduce((sum, row) => sum + (Number(row.taskCount) || 0), 0);
  const counted = countedEnd(plan, told);
  const planned = useMemo(() => loadOf(plan, count), [plan, count]);
  const load = told ?? planned;
  const perWalk = load?.model === 'open' ? requestsPerWalk(plan) : undefined;

  // What follows a run's end is its record.
  useEffect(() => {
    if (live.status && live.status !== 'running') void queryClient.invalidateQueries({ queryKey: ['run', test, run] });
  }, [live.status, test, run]);

  const name = record?.testName || scenario?.testName || test;
  return (
    <ContentLayout
      header={
        <Header
          variant="h1" info={<Info topic="live" of="running tests" />}
          description={<>Run {run} of scenario <To href={to(['scenarios', test])}>{test}</To> · {planInWords(plan, tasks)}</>}
          actions={
            !isWall && (
              <SpaceBetween direction="horizontal" size="xs">
                {status === 'running' && <LoadControl test={test} run={run} changes={changes} changed={setAnswered} />}
                <Cancel test={test} status={status} />
              </SpaceBetween>
            )
          }
        >
          <Inert>{name}</Inert>
        </Header>
      }
    >
      <SpaceBetween size="l">
        {live.broken && (
          <Alert type="warning" header="Live data is interrupted">
            {live.broken}. The run goes on; the page connects again by itself.
          </Alert>
        )}
        {live.unread && (
          <Alert type="warning" header="What was before this page was opened is not shown" action={<Button onClick={live.readAgain}>Try again</Button>}>
            <Inert most={2000}>{live.unread}</Inert>
          </Alert>
        )}
        <Container>
          <Now live={live} status={status} whole={whole} counted={counted} perWalk={perWalk} load={load} />
        </Container>
        {live.seconds.last < 0 && <Waiting status={status} scenario={scenario} showLive={scenario?.showLive !== false} />}
        <Grid gridDefinition={[{ colspan: { default: 12, m: 9 } }, { colspan: { default: 12, m: 3 } }]}>
          <Container header={<Header variant="h2">Over time</Header>}>
            <RunCharts stretches={stretches} known={live.seconds.last + 1} load={load} zoom={zoom} together={`live-${run}`} until={counted.endsByCount ? undefined : whole} heatmap isLive perArrival={perWalk} />
          </Container>
          <SpaceBetween size="l">
            <Runners live={live} scenario={scenario} />
            <Thresholds live={live} expressions={scenario?.thresholds ?? []} />
            <Failures live={live} />
            {live.notes.length > 0 && (
              <Container header={<Header variant="h2">What happened</Header>}>
                {live.notes.map((note, at) => (
                  <div key={at}><Inert>{note}</Inert></div>
                ))}
              </Container>
            )}
          </SpaceBetween>
        </Grid>
      </SpaceBetween>
    </ContentLayout>
  );
}

function Now({ live, status, whole, counted, perWalk, load }: { live: Live; status: string; whole: number; counted: ReturnType<typeof countedEnd>; perWalk: number | undefined; load: Live['load'] }) {
  const { seconds } = live;
  const at = seconds.last + 1;
  const lately = seconds.sum(Math.max(0, at - WINDOW_S), at);
  const all = seconds.sum();
  const finished = all.ok + all.failed;
  const span = Math.max(1, Math.min(WINDOW_S, at));
  const isOpen = load?.model === 'open';
  const planned = isOpen ? plannedAt(load.planned, Math.max(0, at - 1)) : null;
  const lag = all.lag.quantile(0.99);
  const far = progress({ at, whole, begun: all.scheduled, rate: lately.scheduled / span, isRunning: status === 'running', ...counted });
  const trust = trustSoFar(all, isOpen);
  return (
    <SpaceBetween size="m">
      <SpaceBetween direction="horizontal" size="l">
        <Status status={status} />
        {at > 0 && (
          <span title={trust.why}>
            <TrustWord trust={trust.trust} soFar />
          </span>
        )}
        <span className="sentence">{far.said}</span>
      </SpaceBetween>
      <ProgressBar value={Math.min(100, far.part * 100)} ariaLabel="Time of load" />
      <dl className="figures">
        <Figure name="Rate" title={`over the last ${span} s`}>
          {at > 0 ? rate((lately.ok + lately.failed) / span) : '–'}
          {planned !== null && perWalk !== undefined && <small> of {plain(planned * perWalk)}</small>}
        </Figure>
        <Figure name={isOpen ? 'In flight' : 'Users'}>{at > 0 ? plain(lately.users) : '–'}</Figure>
        {([['p50', 0.5], ['p95', 0.95], ['p99', 0.99]] as const).map(([name, q]) => (
          <Figure key={name} name={`${name}, last ${span} s`} title="of ok answers, from added histograms: known to two digits">
            {near(lately.latency.quantile(q))}
          </Figure>
        ))}
        <Figure name="Failed so far" title={`${count(all.failed)} of ${count(finished)}`}>
          <span className={all.failed > 0 ? 'bad' : ''}>{finished > 0 ? percent(all.failed / finished) : '–'}</span>
        </Figure>
        <Figure name="Finished">{count(finished)}</Figure>
        {isOpen && lag !== null && (
          <Figure name="Lag p99" title="how late requests leave; above 5 ms the result is degraded, above 50 ms untrusted">
            <span className={lag > 50_000 ? 'bad' : lag > 5_000 ? 'warn' : ''}>{near(lag)}</span>
          </Figure>
        )}
        {all.dropped > 0 && <Figure name="Dropped"><span className="bad">{count(all.dropped)}</span></Figure>}
      </dl>
    </SpaceBetween>
  );
}

function Waiting({ status, scenario, showLive }: { status: string; scenario: ScenarioRecord | null; showLive: boolean }) {
  if (status === 'running' && !showLive) return <Alert type="info">This scenario publishes no live data (showLive is false). The result comes at its end.</Alert>;
  const tasks = scenario?.tasksPerRegion ?? [];
  const said = status === 'queued' ? 'The run waits to be taken up.' : status === 'provisioning' ? 'Runners are being started.' : status === 'running' ? 'The runners are ready and wait for the common start.' : 'The results are being added up.';
  return (
    <Alert type="info">
      {said} {tasks.map((row) => `${row.region}: ${row.running} of ${row.desired} runners`).join(', ')}
    </Alert>
  );
}

const STATE: Record<RunnerState, [string, string]> = {
  loading: ['loading', 'var(--ok)'],
  lagging: ['silent for 3 s', 'var(--unfinished)'],
  finished: ['done', 'var(--base)'],
  lost: ['lost', 'var(--failed)'],
};

function Runners({ live, scenario }: { live: Live; scenario: ScenarioRecord | null }) {
  const { rows, others } = live.seconds.runners();
  const states = new Map<RunnerState, number>();
  for (const { row } of rows) states.set(row[1], (states.get(row[1]) ?? 0) + 1);
  for (const [state, n] of others) states.set(state, (states.get(state) ?? 0) + n);
  const all = rows.length + others.reduce((sum, [, n]) => sum + n, 0);
  const asked = scenario?.desiredTaskCount;
  return (
    <Container header={<Header variant="h2" counter={`(${all}${asked ? ` of ${asked}` : ''})`}>Runners</Header>}>
      <SpaceBetween size="xs">
        <div className="squares" role="img" aria-label={[...states].map(([state, n]) => `${n} ${STATE[state]?.[0] ?? state}`).join(', ') || 'No runner is heard yet.'}>
          {rows.map(({ region, row }) => (
            <span key={row[0]} style={{ background: STATE[row[1]]?.[1] }} title={`${row[0]} in ${region}: ${STATE[row[1]]?.[0] ?? row[1]}, lag p99 ${near(row[3])}`} />
          ))}
          {others.flatMap(([state, n]) =>
            Array.from({ length: Math.min(n, 2000) }, (_, at) => <span key={`${state}${at}`} style={{ background: STATE[state]?.[1] }} title={STATE[state]?.[0]} />),
          )}
        </div>
        <div style={{ fontSize: 13 }}>
          {[...states].map(([state, n]) => (
            <div key={state}>{n} {STATE[state]?.[0] ?? state}</div>
          ))}
          {all === 0 && <span className="muted">No runner is heard yet.</span>}
        </div>
      </SpaceBetween>
    </Container>
  );
}

function Thresholds({ live, expressions }: { live: Live; expressions: string[] }) {
  if (expressions.length === 0 || live.seconds.last < 0) return null;
  return (
    <Container header={<Header variant="h2">Thresholds so far</Header>}>
      {thresholdsSoFar(expressions, live.seconds.sum()).map((row) => (
        <div key={row.expression} style={{ marginBottom: 4 }}>
          <StatusIndicator type={row.holds === null ? 'pending' : row.holds ? 'success' : 'error'}>
            <Inert>{row.expression}</Inert>
          </StatusIndicator>{' '}
          <span className="muted">{row.observed}</span>
        </div>
      ))}
    </Container>
  );
}

function Failures({ live }: { live: Live }) {
  const all = live.seconds.sum();
  const recent = live.seconds.stretches(Math.max(0, live.seconds.last - 120));
  const causes = [...all.causes].sort((a, b) => b[1] - a[1]);
  const since = (cause: string) => {
    const last = recent.filter((stretch) => stretch.causes.has(cause)).at(-1);
    return last ? `last ${duration(live.seconds.last - last.from)} ago` : 'none in the last 2 min';
  };
  return (
    <Container header={<Header variant="h2" counter={`(${count(all.failed)})`}>Failed</Header>}>
      {causes.length === 0 ? <span className="muted">Nothing so far.</span> : causes.map(([cause, n]) => (
        <div key={cause} style={{ borderLeft: `4px solid ${causeColor(cause)}`, paddingLeft: 8, marginBottom: 6 }}>
          <b>{count(n)}</b> {cause} <span className="muted">· {since(cause)}</span>
        </div>
      ))}
    </Container>
  );
}
