// What was asked of the run, what was seen, and how far that is from the limit.
import Container from '@cloudscape-design/components/container';
import Header from '@cloudscape-design/components/header';
import StatusIndicator from '@cloudscape-design/components/status-indicator';
import type { RunRecord } from '../../api/types';
import { Info } from '../../app/Info';
import { percent } from '../../numbers/format';
import { limitOf, valueOf } from '../../numbers/threshold';
import { Inert } from '../../ui/parts';

type Results = NonNullable<RunRecord['outcome']>['thresholds'];

export function Thresholds({ results }: { results: Results }) {
  if (results.length === 0) return null;
  const held = results.filter((row) => row.passed).length;
  return (
    <Container header={<Header variant="h2" info={<Info topic="thresholds" of="thresholds" />} counter={`(${held} of ${results.length} hold)`}>Thresholds</Header>}>
      <div className="scroll">
      <table className="plain">
        <thead>
          <tr>
            <th scope="col">Holds</th>
            <th scope="col">Threshold</th>
            <th scope="col" className="num">Observed</th>
            <th scope="col">Of its limit</th>
          </tr>
        </thead>
        <tbody>
          {results.map((row) => (
            <tr key={row.expression}>
              <td><StatusIndicator wrapText={false} type={row.passed ? 'success' : 'error'}>{row.passed ? 'yes' : 'no'}</StatusIndicator></td>
              <td><Inert>{row.expression}</Inert></td>
              <td className="num">{row.observed ?? <span title={row.reason ?? 'nothing was measured'}>–</span>}</td>
              <td style={{ minWidth: 72 }}><Bar row={row} /></td>
            </tr>
          ))}
        </tbody>
      </table>
      </div>
    </Container>
  );
}

function Bar({ row }: { row: Results[number] }) {
  const limit = limitOf(row.expression);
  const seen = row.observed ? valueOf(row.observed) : null;
  if (!limit || seen === null || limit.value === 0) return <span className="muted">{row.reason ?? '–'}</span>;
  const share = seen / limit.value;
  // The bar's end is twice the limit, so that the limit is always in sight.
  const width = Math.min(100, share * 50);
  return (
    <div title={`${percent(share)} of the limit`} style={{ position: 'relative', height: 12, marginTop: 4, background: 'var(--shade)', borderRadius: 3 }}>
      <div style={{ width: `${width}%`, height: 12, borderRadius: 3, background: row.passed ? 'var(--good)' : 'var(--bad)' }} />
      <div style={{ position: 'absolute', left: '50%', top: -3, height: 18, borderLeft: '2px solid var(--axis)' }} />
    </div>
  );
}
