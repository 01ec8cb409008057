// A run's result as one document, in the order of the questions: did it pass, can I
// believe it, how fast was it, what failed, how was it made.
import AccountBar from '../charts/AccountBar';
import { count, duration } from '../numbers/format';
import { onceSentence } from '../numbers/once';
import { lengthOf, planInWords, type Fields } from '../plan/words';
import { visible } from '../ui/visible';
import type { ReportData } from './data';
import { Errors, Folded } from './Errors';
import { Generator } from './Generator';
import { Headline } from './Headline';
import { Labels } from './Labels';
import { Inert, Section, Stamp } from './parts';
import { OverTime, Shapes } from './Pictures';
import { Thresholds } from './Thresholds';
import { Transactions } from './Transactions';

export function Report({ data }: { data: ReportData }) {
  const { record } = data;
  const total = record.summary?.total;
  return (
    <div className="page">
      <Headline data={data} />
      <main>
        <Thresholds results={record.outcome?.thresholds ?? []} />
        {record.account && (
          <Section title="Requests" note="Every one is accounted for.">
            <AccountBar account={record.account} />
          </Section>
        )}
        <Once record={record} />
        {!record.summary && <p className="none">Nothing was measured: the run ended before its first answer was counted.</p>}
        <Labels data={data} />
        <Transactions summary={record.summary} />
        <Shapes data={data} />
        <OverTime data={data} />
        <Errors errors={record.errors ?? []} total={total?.count} />
        <Generator data={data} />
        <Plan data={data} />
      </main>
      <Footer data={data} />
    </div>
  );
}

/** What was requested once, before and after the load. */
function Once({ record }: { record: ReportData['record'] }) {
  const once = onceSentence(record);
  return once && <p className="note">{once.text}{once.failures.map((why) => <span key={why}> <Inert most={2_000}>{why}</Inert></span>)}</p>;
}

/** Characters of a plan: those of thousands of requests are in the run's record. */
const MOST_OF_PLAN = 200_000;
/** Lines of a plan that goes onto paper. */
const LINES_ON_PAPER = 200;

function Plan({ data }: { data: ReportData }) {
  const plan = data.record.testScenario as Fields | undefined | null;
  if (!plan) return null;
  const text = JSON.stringify(plan, null, 2);
  const length = lengthOf(plan);
  return (
    <Section title="Plan as it ran" note={planInWords(plan, data.record.testTaskConfigs ?? [])}>
      <Folded name={length > 0 ? `All of it, ${duration(length)} of load` : 'All of it'} onPaper={text.split('\n').length <= LINES_ON_PAPER}>
        <pre className="mono" tabIndex={0} aria-label="The plan">
          {visible(text.slice(0, MOST_OF_PLAN))}
          {text.length > MOST_OF_PLAN && `\n… and ${count(text.length - MOST_OF_PLAN)} more characters`}
        </pre>
      </Folded>
    </Section>
  );
}

function Footer({ data }: { data: ReportData }) {
  const { record } = data;
  const of = !record.summary || record.summary.times_over === 'ok' ? 'ok answers' : 'all answers, failed ones too';
  return (
    <footer>
      <h2>How the numbers are to be read</h2>
      <ul>
        <li>Times are of {of}, from when each request was due to the last byte of its answer.</li>
        <li>Percentiles come from one histogram of all runners, never from an average of percentiles. They are known to three digits; hovering a number shows it in full.</li>
        <li>Numbers over time marked ≈ come from coarser histograms, added second by second, and are known to two digits.</li>
        <li>Trust is about the load generator, not the target: whether it made the load that was planned, and measured it without being the bottleneck.</li>
        <li>Points in time are UTC; those on charts are from the start of the run.</li>
      </ul>
      <p className="muted">
        Run {record.testRunId} of scenario {record.testId} · made <Stamp date={new Date(data.made_at)} /> by dlt {data.version} · this file loads nothing and sends nothing
      </p>
    </footer>
  );
}
