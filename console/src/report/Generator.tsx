// The load generator itself: how late requests left or were read, how evenly runners
// started, how well clocks agree, what was reached of CPU and memory, and where requests
// went; then the runners, worst first.
import type { ReactNode } from 'react';
import type { Runner } from '../api/types';
import { bytes, count, exactTime, percent, plain, time } from '../numbers/format';
import { fullness, isLost, worstFirst } from '../numbers/runners';
import { offset } from '../numbers/when';
import type { ReportData } from './data';
import { Inert, Section, Wide } from './parts';
import { highest, MOST_RUNNERS, readDelay, secondsOf, statesOf } from './runners';

/** Share of its memory from which a runner may be held up. */
const FULL = 0.9;
/** More squares than this are not told apart. */
const MOST_SQUARES = 2_000;

export function Generator({ data }: { data: ReportData }) {
  const facts = factsOf(data);
  if (facts.length === 0 && data.runners.length === 0) return null;
  return (
    <Section title="Load generator">
      <dl className="facts">
        {facts.map(([name, fact]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{fact}</dd>
          </div>
        ))}
      </dl>
      {data.runners.length > 0 && <Runners runners={data.runners} />}
    </Section>
  );
}

function factsOf({ record, runners, timeline }: ReportData): [string, ReactNode][] {
  const { start, coverage, generator, summary, load } = record;
  const total = summary?.total;
  const facts: [string, ReactNode][] = [];
  if (coverage) {
    facts.push(['Runners', `${count(coverage.runners_reported)} of ${count(coverage.runners_expected)} reported${coverage.complete ? ', no second missing' : ''}`]);
  }
  if (start) {
    const said = `median ${exactTime(start.skew_p50_us)}, 99 % ${exactTime(start.skew_p99_us)}, largest ${exactTime(start.skew_max_us)}`;
    facts.push(['Start', <span title={said}>first requests within {time(Math.max(0, start.skew_max_us))} of the plan</span>]);
    facts.push(['Clocks', <span title={exactTime(start.clock_error_us)}>known to ±{time(start.clock_error_us)}</span>]);
  }
  const lag = total?.lag;
  if (load?.model === 'open' && lag && lag.count > 0) {
    facts.push(['Lag', <span title={`p99 ${exactTime(lag.p99_us)}, worst ${exactTime(lag.max_us)}`}>99 % of the requests left at most {time(lag.p99_us)} late, the worst {time(lag.max_us)}</span>]);
  }
  const delay = load?.model === 'open' ? null : readDelay(secondsOf(timeline));
  if (delay !== null) facts.push(['Read delay', <span title="answers that had come and were not read yet">{percent(delay)} of the users’ time</span>]);
  const cpu = highest(runners, (row) => row.cpu_pct);
  if (cpu) facts.push(['CPU', <>at most {plain(cpu.value)} %, on <Inert most={80}>{cpu.row.runner}</Inert></>]);
  const memory = highest(runners, (row) => row.memory_bytes);
  const full = highest(runners, fullness);
  if (memory) facts.push(['Memory', <span title={`${count(memory.value)} bytes`}>at most {bytes(memory.value)}{full && `, at most ${percent(full.value)} of a limit`}</span>]);
  if (total?.service && total.service.count > 0) facts.push(['Service time', `p50 ${time(total.service.p50_us)}, p95 ${time(total.service.p95_us)}`]);
  if (total?.connect && total.connect.count > 0) facts.push(['Connecting', `${count(total.connect.count)} connections, p95 ${time(total.connect.p95_us)}`]);
  if (total?.first_byte && total.first_byte.count > 0) facts.push(['First byte', `p50 at most ${time(total.first_byte.p50_us)}, p95 at most ${time(total.first_byte.p95_us)}`]);
  if (generator && generator.addresses.length > 0) {
    facts.push(['Sent to', generator.addresses.map(([address, n]) => <div key={address}><Inert most={100}>{address}</Inert> <span className="muted">{count(n)}</span></div>)]);
  }
  if (generator?.proxies && generator.proxies.length > 0) {
    facts.push(['Through proxies', generator.proxies.map(([proxy, n]) => <div key={proxy}><Inert most={300}>{proxy}</Inert> <span className="muted">{count(n)}</span></div>)]);
  }
  if (generator && generator.http_versions.length > 0) facts.push(['HTTP versions', generator.http_versions.map(([version, n]) => `${version}: ${count(n)}`).join(', ')]);
  if (generator && generator.public_addresses.length > 0) {
    const more = generator.public_addresses.length - 20;
    facts.push(['Came from', `${generator.public_addresses.slice(0, 20).join(', ')}${more > 0 ? ` and ${count(more)} more` : ''}`]);
  }
  return facts;
}

const COLORS: Record<string, string> = { finished: 'var(--p50)', loading: 'var(--p95)', lagging: 'var(--unfinished)', lost: 'var(--bad)' };
const colorOf = (row: Runner) => COLORS[isLost(row) ? 'lost' : row.state] ?? 'var(--base)';

function Runners({ runners }: { runners: Runner[] }) {
  const rows = worstFirst(runners);
  const states = statesOf(runners).map(([state, n]) => `${count(n)} ${state}`).join(', ');
  const shown = rows.slice(0, MOST_RUNNERS);
  return (
    <>
      <h3>Runners</h3>
      <p className="note">
        {states}. {rows.length > MOST_RUNNERS ? `The worst ${MOST_RUNNERS} of ${count(rows.length)} are listed.` : 'Worst first.'}
      </p>
      <div className="squares" role="img" aria-label={`Runners: ${states}`}>
        {rows.slice(0, MOST_SQUARES).map((row, at) => (
          <span key={at} style={{ background: colorOf(row) }} title={`${row.runner}: ${row.state}, lag p99 ${time(row.lag_p99_us)}`} />
        ))}
      </div>
      <Wide name="Runners, a table">
        <table className="plain runners">
          <thead>
            <tr>
              <th scope="col">Runner</th>
              <th scope="col">State</th>
              {['Lag p99', 'Start', 'CPU', 'Memory', 'Of its limit'].map((name) => <th key={name} scope="col" className="num">{name}</th>)}
              <th scope="col">Address</th>
            </tr>
          </thead>
          <tbody>{shown.map((row, at) => <RunnerRow key={at} row={row} />)}</tbody>
        </table>
      </Wide>
      {rows.length > MOST_RUNNERS && <p className="note">{count(rows.length - MOST_RUNNERS)} other runners did better.</p>}
    </>
  );
}

function RunnerRow({ row }: { row: Runner }) {
  const share = fullness(row);
  return (
    <tr>
      <th scope="row">
        <Inert most={80}>{row.runner}</Inert>
        <small className="muted under"><Inert most={80}>{row.region}</Inert>{row.role === 'leader' && ', leader'}</small>
      </th>
      <td>
        <span className="state"><i className="dot" style={{ background: colorOf(row) }} /> <Inert most={40}>{isLost(row) ? 'lost' : row.state}</Inert></span>
        {row.last_heard_s !== undefined && (isLost(row) || row.state === 'lagging') && <small className="muted under">last heard {offset(row.last_heard_s)}</small>}
        {row.lost && <small className="muted under"><Inert>{row.lost}</Inert></small>}
      </td>
      <td className="num" title={exactTime(row.lag_p99_us)}>{time(row.lag_p99_us)}</td>
      <td className="num" title={exactTime(row.skew_us)}>{time(row.skew_us)}</td>
      <td className="num">{row.cpu_pct === undefined ? '–' : `${plain(row.cpu_pct)} %`}</td>
      <td className="num" title={row.memory_bytes ? `${count(row.memory_bytes)} bytes` : undefined}>{bytes(row.memory_bytes)}</td>
      <td className={`num ${share !== null && share >= FULL ? 'bad' : ''}`}>{percent(share)}</td>
      <td>{row.public_address ? <Inert most={60}>{row.public_address}</Inert> : '–'}</td>
    </tr>
  );
}
