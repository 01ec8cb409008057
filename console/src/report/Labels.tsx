// Response times by label, all of them: requests, rate, failures and percentiles, each
// with its change against the baseline, and a line of the p95 where seconds are kept.
import type { ReactNode } from 'react';
import type { Block, MetricChange, Second } from '../api/types';
import { count, near, percent, rate, TIMES } from '../numbers/format';
import { tellChange } from './changes';
import type { ReportData } from './data';
import { Inert, Section, Time, Wide } from './parts';
import { secondsOf } from './runners';
import { pathOf, sparkOf } from './spark';

/** Characters of a label in its row: more would make one row a page. */
const MOST_OF_LABEL = 160;

export function Labels({ data }: { data: ReportData }) {
  const { summary } = data.record;
  if (!summary) return null;
  const comparison = data.baseline?.comparison;
  const changes = new Map(comparison?.labels.map((one) => [one.label, one.metrics]));
  const series = new Map(data.timeline?.labels.map((one) => [one.label, one.seconds]));
  const regions = Object.entries(summary.regions);
  const loaded = summary.loaded_us / 1e6;
  const share = summary.total.count > 0 ? percent(summary.total.failed / summary.total.count) : '–';
  const of = summary.times_over === 'ok' ? 'ok answers' : 'all answers';
  const row = { loaded, hasLines: data.timeline !== null };
  return (
    <Section
      title="Response times by label"
      counter={count(summary.labels.length)}
      note={
        <>
          Times are of {of}; {share} failed.
          {comparison && ' Below a number stands its change against the baseline; ? means that nothing can be told of it.'}
        </>
      }
    >
      <Wide name="Response times by label, a table">
        <table className="plain labels">
          <thead>
            <tr>
              <th scope="col">Label</th>
              {['Requests', 'Rate', 'Failed', ...TIMES.map(([, name]) => name)].map((name) => (
                <th key={name} scope="col" className="num">{name}</th>
              ))}
              {row.hasLines && <th scope="col">p95 over time</th>}
            </tr>
          </thead>
          <tbody>
            <Row {...row} name={<b>all requests</b>} block={summary.total} metrics={comparison?.totals ?? []} seconds={secondsOf(data.timeline)} />
            {regions.length > 1 &&
              regions.map(([name, block]) => <Row {...row} key={`region ${name}`} name={<span className="muted">in <Inert>{name}</Inert></span>} block={block} metrics={[]} seconds={data.timeline?.regions[name]} />)}
            {summary.labels.map((block, at) => {
              const name = block.label ?? '';
              return <Row {...row} key={at} name={<Inert most={MOST_OF_LABEL}>{name}</Inert>} block={block} metrics={changes.get(name) ?? []} seconds={series.get(name)} />;
            })}
          </tbody>
        </table>
      </Wide>
      {comparison && <Others added={comparison.added} removed={comparison.removed} />}
    </Section>
  );
}

type Line = readonly Pick<Second, 'second' | 'latency'>[];

interface RowProps {
  name: ReactNode;
  block: Block;
  metrics: MetricChange[];
  seconds?: Line | undefined;
  loaded: number;
  hasLines: boolean;
}

function Row({ name, block, metrics, seconds, loaded, hasLines }: RowProps) {
  return (
    <tr>
      <th scope="row">{name}</th>
      <td className="num">{count(block.count)}</td>
      <td className="num">
        {rate(loaded > 0 ? block.count / loaded : null)}
        <Changed metrics={metrics} metric="rate" />
      </td>
      <td className="num">
        <span title={`${count(block.failed)} of ${count(block.count)}`} className={block.failed > 0 ? 'bad' : undefined}>
          {percent(block.count > 0 ? block.failed / block.count : null)}
        </span>
        <Changed metrics={metrics} metric="error_rate" />
      </td>
      {TIMES.map(([field]) => (
        <td key={field} className="num">
          <Time us={block[field]} why="no request succeeded" />
          <Changed metrics={metrics} metric={field} />
        </td>
      ))}
      {hasLines && <td>{seconds && seconds.length > 0 ? <Spark seconds={seconds} length={loaded} /> : <span className="muted" title="its seconds are not in this report">–</span>}</td>}
    </tr>
  );
}

function Changed({ metrics, metric }: { metrics: MetricChange[]; metric: string }) {
  const told = tellChange(metrics, metric);
  return told && <small className={`change ${told.tone}`} title={told.said}>{told.text}</small>;
}

const WIDTH = 100;
const HEIGHT = 22;

function Spark({ seconds, length }: { seconds: Line; length: number }) {
  const end = Math.max(length, (seconds.at(-1)?.second ?? 0) + 1);
  const line = pathOf(sparkOf(seconds, end), WIDTH, HEIGHT);
  if (!line) return <span className="muted" title="nothing was answered">–</span>;
  const said = `p95 between ${near(line.low)} and ${near(line.high)}`;
  return (
    <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} width={WIDTH} height={HEIGHT} role="img" aria-label={said}>
      <title>{said}</title>
      <path d={line.path} fill="none" stroke="var(--p95)" strokeWidth={1.5} />
    </svg>
  );
}

function Others({ added, removed }: { added: string[]; removed: string[] }) {
  const list = (names: string[]) => (
    <>
      {names.slice(0, 10).map((name, at) => (
        <span key={at}>{at > 0 && ', '}<Inert most={80}>{name}</Inert></span>
      ))}
      {names.length > 10 && ` and ${count(names.length - 10)} more`}
    </>
  );
  return (
    <>
      {added.length > 0 && <p className="note">Not in the baseline: {list(added)}.</p>}
      {removed.length > 0 && <p className="note">In the baseline alone: {list(removed)}.</p>}
    </>
  );
}
