// What was asked of the run, what was seen, and how far that is from the limit.
import type { RunRecord } from '../api/types';
import { percent } from '../numbers/format';
import { limitOf, valueOf } from '../numbers/threshold';
import { Inert, Section, Wide } from './parts';

type Results = NonNullable<RunRecord['outcome']>['thresholds'];

export function Thresholds({ results }: { results: Results }) {
  if (results.length === 0) return null;
  const held = results.filter((row) => row.passed).length;
  return (
    <Section title="Thresholds" counter={`${held} of ${results.length} hold`}>
      <Wide name="Thresholds, a table">
        <table className="plain">
          <thead>
            <tr>
              <th scope="col">Holds</th>
              <th scope="col">Threshold</th>
              <th scope="col" className="num">Observed</th>
              <th scope="col">Against its limit, the line</th>
            </tr>
          </thead>
          <tbody>
            {results.map((row, at) => (
              <tr key={at}>
                <td className={row.passed ? 'good' : 'bad'}><span aria-hidden>{row.passed ? '✔' : '✘'}</span> {row.passed ? 'yes' : 'no'}</td>
                <td className="text"><Inert>{row.expression}</Inert></td>
                <td className="num">{row.observed ?? <span title={row.reason ?? 'nothing was measured'}>–</span>}</td>
                <td className="bar-cell"><Bar row={row} /></td>
              </tr>
            ))}
          </tbody>
        </table>
      </Wide>
    </Section>
  );
}

function Bar({ row }: { row: Results[number] }) {
  const limit = limitOf(row.expression);
  const seen = row.observed ? valueOf(row.observed) : null;
  if (!limit || seen === null || limit.value === 0) return <span className="muted">{row.reason ? <Inert>{row.reason}</Inert> : '–'}</span>;
  const share = seen / limit.value;
  // The bar's end is twice the limit, so that the limit is always in sight.
  return (
    <div className="bar" title={`${percent(share)} of the limit`}>
      <i style={{ width: `${Math.min(100, share * 50)}%`, background: row.passed ? 'var(--good)' : 'var(--bad)' }} />
      <b />
    </div>
  );
}
