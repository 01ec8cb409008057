// Home: what runs now, what failed lately, what comes next, and how much room there is.
// Without a scenario it has one field: a URL or a curl command to test.
import Box from '@cloudscape-design/components/box';
import Button from '@cloudscape-design/components/button';
import Container from '@cloudscape-design/components/container';
import ContentLayout from '@cloudscape-design/components/content-layout';
import Header from '@cloudscape-design/components/header';
import ProgressBar from '@cloudscape-design/components/progress-bar';
import SpaceBetween from '@cloudscape-design/components/space-between';
import { useRun, useRoom, useRuns, useScenarios } from '../api/queries';
import { useStanding } from '../api/timelines';
import { isActive, type ScenarioItem, type Second } from '../api/types';
import { to } from '../app/router';
import { exactTime, near, percent, plain, rate, time } from '../numbers/format';
import { plannedAt, resolution, RunSeconds, toldBy } from '../numbers/seconds';
import { askedBy, askedInWords, lasts } from '../plan/changes';
import { countedEnd, progress } from '../plan/progress';
import { requestsPerWalk, type Fields } from '../plan/words';
import { Empty, Failed, Inert, Loading, To, When } from '../ui/parts';
import { Outcome, Status, TrustWord } from '../ui/words';
import { useLast } from './lastRun';
import { lately } from './lately';
import { QuickRun } from './QuickRun';

/** Scenarios whose last results are shown. */
const MOST_LATELY = 8;
const POLL_MS = 5_000;
/** What “now” is over. */
const LATELY_S = 10;

export default function Home() {
  const scenarios = useScenarios();
  if (scenarios.isPending) return <Loading what="scenarios" />;
  if (scenarios.error && !scenarios.data) return <Failed error={scenarios.error} what="The scenarios" again={() => void scenarios.refetch()} />;
  const items = scenarios.data ?? [];
  if (items.length === 0) {
    return (
      <ContentLayout header={<Header variant="h1" description="Nothing was tested here yet. One URL is enough to begin.">Test something</Header>}>
        <Container>
          <SpaceBetween size="m">
            <QuickRun />
            <Box color="text-body-secondary">…or try the demo, in a terminal: <code>dlt demo</code></Box>
          </SpaceBetween>
        </Container>
      </ContentLayout>
    );
  }
  const active = items.filter((item) => isActive(item.status));
  const ended = lately(items, MOST_LATELY);
  const next = items.filter((item) => item.nextRun).sort((a, b) => a.nextRun.localeCompare(b.nextRun));
  return (
    <ContentLayout header={<Header variant="h1" actions={<Button variant="primary" href={to(['create'])}>Create scenario</Button>}>Home</Header>}>
      <SpaceBetween size="l">
        <Container header={active.length === 0 ? <Header variant="h2" description="Nothing runs now.">Test something</Header> : <Header variant="h2" counter={`(${active.length})`}>Running now</Header>}>
          {active.length === 0 ? (
            <QuickRun />
          ) : (
            <SpaceBetween size="l">
              {active.map((item) => (
                <Going key={item.testId} item={item} />
              ))}
            </SpaceBetween>
          )}
        </Container>
        <Container header={<Header variant="h2" actions={<Button href={to(['scenarios'])}>All scenarios</Button>}>Lately</Header>}>
          {ended.length === 0 ? <Empty title="No run has ended yet." /> : <div className="rows">{ended.map((item) => <Ended key={item.testId} item={item} />)}</div>}
        </Container>
        <Container header={<Header variant="h2">Next</Header>}>
          {next.length === 0 ? (
            <Empty title="Nothing is scheduled." next={<span>A scenario's page of changes has a part “When”.</span>} />
          ) : (
            <div className="rows">
              {next.slice(0, MOST_LATELY).map((item) => (
                <div key={item.testId}>
                  <span className="name"><To href={to(['scenarios', item.testId])}><Inert most={120}>{item.testName}</Inert></To></span>
                  <span>{item.nextRun.slice(0, 16)} <span className="muted">({item.scheduleTimezone})</span></span>
                  <span className="num" style={{ width: 160 }}>{item.cronValue ? `cron ${item.cronValue}` : item.scheduleRecurrence || 'once'}</span>
                </div>
              ))}
            </div>
          )}
        </Container>
        <RoomNow />
      </SpaceBetween>
    </ContentLayout>
  );
}

function Going({ item }: { item: ScenarioItem }) {
  const runs = useRuns(item.testId, 1, `${item.startTime} ${item.status}`);
  const newest = runs.data?.testRuns.find((run) => isActive(run.status));
  const id = newest?.testRunId ?? '';
  const record = useRun(item.testId, id);
  // Home polls: open streams are kept for pages of one run.
  const { data: told } = useStanding(item.testId, id, POLL_MS);
  const seconds = told ? new RunSeconds().store(told.lately) : null;
  const end = seconds && told ? Math.min(seconds.last + 1, toldBy(told.lately)) : 0;
  // Whole stretches of what is stored: of days, a minute each.
  const at = end - (end % resolution(end));
  const span = Math.min(Math.max(LATELY_S, resolution(at)), Math.max(1, at));
  const plan = record.data?.testScenario as Fields | undefined;
  const load = record.data?.load;
  const whole = lasts(plan, load, load?.changes);
  const now = seconds?.sum(at - span, at);
  const all = told ? counted(told.all.total) : null;
  const walks = requestsPerWalk(plan);
  const planned = load?.model === 'open' && walks ? plannedAt(load.planned, at) : null;
  const ending = countedEnd(plan, load);
  const changed = askedInWords(askedBy(load?.changes));
  // What is polled here has ended. How much longer it may take is on the page of the run.
  const far = progress({ at, whole, begun: all?.finished ?? 0, rate: 0, isRunning: false, ...ending });
  return (
    <div>
      <SpaceBetween direction="horizontal" size="m">
        <b><To href={id ? to(['scenarios', item.testId, 'runs', id]) : to(['scenarios', item.testId])}><Inert>{item.testName}</Inert></To></b>
        <Status status={item.status} />
        {changed && <span>{changed}</span>}
        {now && all && at > 0 && (
          <span>
            {rate((now.ok + now.failed) / span)}
            {planned !== null && walks && ` of ${plain(planned * walks)}`} · p95 {near(now.latency.quantile(0.95))} ·{' '}
            <span className={all.failed > 0 ? 'bad' : ''}>{percent(all.failed / Math.max(1, all.finished))} failed</span>
          </span>
        )}
      </SpaceBetween>
      {(whole > 0 || ending.asked !== undefined) && at > 0 && <ProgressBar value={Math.min(100, far.part * 100)} additionalInfo={`${far.said}, told every 10 s`} ariaLabel="Time of load" />}
    </div>
  );
}

function counted(rows: readonly Second[]): { failed: number; finished: number } {
  return rows.reduce((sum, row) => ({ failed: sum.failed + row.failed, finished: sum.finished + row.ok + row.failed }), { failed: 0, finished: 0 });
}

function Ended({ item }: { item: ScenarioItem }) {
  const { last, failures } = useLast(item);
  return (
    <div>
      <span style={{ width: 96 }}>{last ? <Outcome word={last.word} status={last.status} /> : <Status status={item.status} />}</span>
      <span className="name">
        <To href={last ? to(['scenarios', item.testId, 'runs', last.run]) : to(['scenarios', item.testId])}><Inert most={120}>{item.testName}</Inert></To>
        {failures && <span className="bad" style={{ fontSize: 12 }}> {failures}</span>}
      </span>
      <span style={{ width: 100 }}><TrustWord trust={last?.trust} /></span>
      <span className="num" style={{ width: 90 }} title={last?.p95Us ? exactTime(last.p95Us) : 'no request succeeded, or no run has ended'}>{last?.p95Us ? `p95 ${time(last.p95Us)}` : '–'}</span>
      <span className="num" style={{ width: 110 }}><When stamp={last?.at ?? item.startTime} /></span>
    </div>
  );
}

function RoomNow() {
  const room = useRoom();
  return (
    <Container header={<Header variant="h2" actions={<Button href={to(['regions'])}>Regions and runners</Button>}>Room</Header>}>
      {room.error && !room.data ? (
        <Failed error={room.error} what="The regions" />
      ) : !room.data ? (
        <Loading what="regions" />
      ) : (
        <SpaceBetween size="s">
          {room.data.map((row) => (
            <ProgressBar
              key={row.region}
              label={`Busy in ${row.region}`}
              value={row.most ? ((row.used ?? 0) / row.most) * 100 : 0}
              additionalInfo={row.used === undefined ? 'room is not known' : `${row.used} of ${row.most} runners`}
            />
          ))}
        </SpaceBetween>
      )}
    </Container>
  );
}
