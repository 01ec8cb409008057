// Transactions, all of them: groups of requests that are timed as one, in no row of the labels.
import type { Blocks } from '../api/types';
import { count, percent, rate, TIMES } from '../numbers/format';
import { transactionsNote } from '../numbers/transactions';
import { Inert, Section, Time, Wide } from './parts';

export function Transactions({ summary }: { summary: Blocks | null | undefined }) {
  const all = summary?.transactions ?? [];
  if (!summary || all.length === 0) return null;
  const loaded = summary.loaded_us / 1e6;
  return (
    <Section title="Transactions" counter={count(all.length)} note={transactionsNote(all)}>
      <Wide name="Transactions, a table">
        <table className="plain transactions">
          <thead>
            <tr>
              <th scope="col">Transaction</th>
              {['Ended', 'Rate', 'Failed', ...TIMES.map(([, name]) => name)].map((name) => (
                <th key={name} scope="col" className="num">{name}</th>
              ))}
            </tr>
          </thead>
          <tbody>
            {all.map((block, at) => (
              <tr key={at}>
                <th scope="row"><Inert most={160}>{block.label ?? ''}</Inert></th>
                <td className="num">{count(block.count)}</td>
                <td className="num">{rate(loaded > 0 ? block.count / loaded : null)}</td>
                <td className="num">
                  <span title={`${count(block.failed)} of ${count(block.count)}`} className={block.failed > 0 ? 'bad' : undefined}>{percent(block.count > 0 ? block.failed / block.count : null)}</span>
                </td>
                {TIMES.map(([field]) => <td key={field} className="num"><Time us={block[field]} why="none succeeded" /></td>)}
              </tr>
            ))}
          </tbody>
        </table>
      </Wide>
    </Section>
  );
}
