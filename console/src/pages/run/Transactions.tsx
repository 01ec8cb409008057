// Transactions: groups of requests that are timed as one. They are in no row of the labels.
import Button from '@cloudscape-design/components/button';
import Container from '@cloudscape-design/components/container';
import Header from '@cloudscape-design/components/header';
import { useState } from 'react';
import type { Block, Blocks } from '../../api/types';
import { count, percent, rate, TIMES } from '../../numbers/format';
import { transactionsNote } from '../../numbers/transactions';
import { Inert, Time } from '../../ui/parts';

/** Rows before one asks for more. */
const FIRST_ROWS = 12;

export function Transactions({ summary }: { summary: Blocks }) {
  const [most, setMost] = useState(FIRST_ROWS);
  const all = summary.transactions ?? [];
  if (all.length === 0) return null;
  const loaded = summary.loaded_us / 1e6;
  return (
    <Container header={<Header variant="h2" counter={`(${count(all.length)})`} description={transactionsNote(all)}>Transactions</Header>}>
      <div className="scroll">
        <table className="plain" aria-label="Transactions">
          <thead>
            <tr>
              <th scope="col">Transaction</th>
              {['Ended', 'Rate', 'Failed', ...TIMES.map(([, name]) => name)].map((name) => (
                <th key={name} scope="col" className="num">{name}</th>
              ))}
            </tr>
          </thead>
          <tbody>{all.slice(0, most).map((block, at) => <Row key={at} block={block} loaded={loaded} />)}</tbody>
        </table>
      </div>
      {all.length > most && <Button onClick={() => setMost(all.length)}>{`Show all ${count(all.length)}`}</Button>}
    </Container>
  );
}

function Row({ block, loaded }: { block: Block; loaded: number }) {
  return (
    <tr>
      <th scope="row"><Inert most={120}>{block.label ?? ''}</Inert></th>
      <td className="num">{count(block.count)}</td>
      <td className="num">{rate(loaded > 0 ? block.count / loaded : null)}</td>
      <td className={`num ${block.failed > 0 ? 'bad' : ''}`} title={`${count(block.failed)} of ${count(block.count)}`}>{percent(block.count > 0 ? block.failed / block.count : null)}</td>
      {TIMES.map(([field]) => <td key={field} className="num"><Time us={block[field]} why="none succeeded" /></td>)}
    </tr>
  );
}
