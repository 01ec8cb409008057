// One cause in full: its message, every label and runner, and saved exchanges side by
// side. Shown below the page.
import SpaceBetween from '@cloudscape-design/components/space-between';
import type { ErrorRow } from '../../api/types';
import { PlainTable } from '../../charts/frame';
import { count } from '../../numbers/format';
import { bounded, Inert } from '../../ui/parts';
import { visible } from '../../ui/visible';

const MOST_ROWS = 100;

export function ErrorDetails({ row }: { row: ErrorRow }) {
  const counted = (rows: Record<string, number>) =>
    Object.entries(rows)
      .sort((a, b) => b[1] - a[1])
      .slice(0, MOST_ROWS)
      .map(([name, n]) => [bounded(name, 200), count(n)]);
  return (
    <SpaceBetween size="m">
      <Inert most={4000}>{row.message}</Inert>
      {row.exchanges?.map((exchange, at) => (
        <div className="exchange" key={at}>
          <div>
            <b>Request</b>
            <pre className="mono" tabIndex={0}>{visible(exchange.request)}</pre>
          </div>
          <div>
            <b>Answer</b>
            <pre className="mono" tabIndex={0}>{visible(exchange.response) || '(nothing came)'}</pre>
          </div>
        </div>
      ))}
      <div className="exchange">
        <PlainTable caption="By label" columns={['Label', 'failures']} rows={() => counted(row.labels)} />
        <PlainTable caption="By runner" columns={['Runner', 'failures']} rows={() => counted(row.runners)} />
        {Object.keys(row.regions ?? {}).length > 1 && <PlainTable caption="By region" columns={['Region', 'failures']} rows={() => counted(row.regions)} />}
      </div>
    </SpaceBetween>
  );
}
