// What failed, by cause, most frequent first: message, where, when, and saved exchanges
// side by side. All of it comes from targets and is shown inert.
import Container from '@cloudscape-design/components/container';
import ExpandableSection from '@cloudscape-design/components/expandable-section';
import Header from '@cloudscape-design/components/header';
import SpaceBetween from '@cloudscape-design/components/space-between';
import StatusIndicator from '@cloudscape-design/components/status-indicator';
import type { ErrorRow } from '../../api/types';
import { causeColor } from '../../charts/frame';
import { count, percent } from '../../numbers/format';
import { Inert, When } from '../../ui/parts';

export function Errors({ errors, total }: { errors: ErrorRow[]; total: number }) {
  const sum = errors.reduce((all, row) => all + row.count, 0);
  return (
    <Container header={<Header variant="h2" counter={`(${count(sum)})`} description={errors.length > 0 ? 'By cause, most frequent first.' : undefined}>What failed</Header>}>
      {errors.length === 0 ? (
        <StatusIndicator type="success">Nothing failed.</StatusIndicator>
      ) : (
        <SpaceBetween size="l">
          {errors.map((row, at) => (
            <ErrorItem key={`${row.cause} ${row.message} ${at}`} row={row} total={total} />
          ))}
        </SpaceBetween>
      )}
    </Container>
  );
}

function ErrorItem({ row, total }: { row: ErrorRow; total: number }) {
  const labels = Object.entries(row.labels).sort((a, b) => b[1] - a[1]);
  const runners = Object.entries(row.runners).sort((a, b) => b[1] - a[1]);
  return (
    <div style={{ borderLeft: `4px solid ${causeColor(row.cause)}`, paddingLeft: 12 }}>
      <div>
        <b className="num">{count(row.count)}</b> <b>{row.cause}</b>
        {total > 0 && <span className="muted"> · {percent(row.count / total)} of all requests</span>}
      </div>
      <div><Inert most={2000}>{row.message}</Inert></div>
      <div className="muted" style={{ fontSize: 13 }}>
        at{' '}
        {labels.slice(0, 5).map(([label, n], at) => (
          <span key={label}>
            {at > 0 && ', '}
            <Inert>{label}</Inert>
            {labels.length > 1 && ` ${count(n)}`}
          </span>
        ))}
        {labels.length > 5 && ` and ${labels.length - 5} other labels`} · from <When date={new Date(row.first_at)} /> to{' '}
        <When date={new Date(row.last_at)} /> · on {runners.length === 1 ? runners[0]?.[0] : `${runners.length} runners`}
      </div>
      {(row.exchanges ?? []).length > 0 && (
        <ExpandableSection headerText={`${row.exchanges?.length} saved ${row.exchanges?.length === 1 ? 'exchange' : 'exchanges'}`}>
          <SpaceBetween size="s">
            {row.exchanges?.map((exchange, at) => (
              <div className="exchange" key={at}>
                <div>
                  <b>Request</b>
                  <pre className="mono" tabIndex={0}>{exchange.request}</pre>
                </div>
                <div>
                  <b>Answer</b>
                  <pre className="mono" tabIndex={0}>{exchange.response || '(nothing came)'}</pre>
                </div>
              </div>
            ))}
          </SpaceBetween>
        </ExpandableSection>
      )}
    </div>
  );
}
