// What failed, by cause, most frequent first: message, where, when, and by region. All of
// it comes from targets and is shown inert; saved exchanges open below the page.
import Button from '@cloudscape-design/components/button';
import Container from '@cloudscape-design/components/container';
import ExpandableSection from '@cloudscape-design/components/expandable-section';
import Header from '@cloudscape-design/components/header';
import SpaceBetween from '@cloudscape-design/components/space-between';
import StatusIndicator from '@cloudscape-design/components/status-indicator';
import { useMemo } from 'react';
import { useOverview } from '../../api/timelines';
import type { ErrorRow, RunRecord } from '../../api/types';
import { Info } from '../../app/Info';
import { openDetails } from '../../app/panels';
import { causeColor, PlainTable } from '../../charts/frame';
import { count, percent } from '../../numbers/format';
import { causesByRegion, errorsByRegion } from '../../numbers/tables';
import { short, utc } from '../../numbers/when';
import { bounded, Inert, When } from '../../ui/parts';
import { ErrorDetails } from './ErrorDetails';
import { overviewStep } from './OverTime';

const MOST_LABELS = 5;
/** Characters of a cause with its message in a cell. */
const MOST_OF_NAME = 140;

export function Errors({ test, record }: { test: string; record: RunRecord }) {
  const errors = record.errors ?? [];
  const total = record.summary?.total.count ?? 0;
  const sum = errors.reduce((all, row) => all + row.count, 0);
  const regions = useMemo(() => Object.keys(record.summary?.regions ?? {}), [record.summary]);
  const byRegion = useMemo(() => errorsByRegion(record.errors ?? [], regions), [record.errors, regions]);
  return (
    <Container header={<Header variant="h2" counter={`(${count(sum)})`} info={<Info topic="errors" of="errors" />} description={errors.length > 0 ? 'By cause, most frequent first.' : undefined}>What failed</Header>}>
      {errors.length === 0 ? (
        <StatusIndicator type="success">Nothing failed.</StatusIndicator>
      ) : (
        <SpaceBetween size="l">
          {errors.map((row, at) => (
            <ErrorItem key={`${row.cause} ${row.message} ${at}`} row={row} total={total} />
          ))}
          {regions.length > 1 && (byRegion ? <ByRegion {...byRegion} /> : <ByRegionOfSeconds test={test} record={record} />)}
        </SpaceBetween>
      )}
    </Container>
  );
}

function ErrorItem({ row, total }: { row: ErrorRow; total: number }) {
  const labels = Object.entries(row.labels).sort((a, b) => b[1] - a[1]);
  const runners = Object.entries(row.runners);
  const saved = row.exchanges?.length ?? 0;
  return (
    <div style={{ borderLeft: `4px solid ${causeColor(row.cause)}`, paddingLeft: 12 }}>
      <div>
        <b className="num">{count(row.count)}</b> <b>{row.cause}</b>
        {total > 0 && <span className="muted"> · {percent(row.count / total)} of all requests</span>}
      </div>
      <div><Inert>{row.message}</Inert></div>
      <div className="muted" style={{ fontSize: 13 }}>
        at{' '}
        {labels.slice(0, MOST_LABELS).map(([label, n], at) => (
          <span key={label}>
            {at > 0 && ', '}
            <Inert most={80}>{label}</Inert>
            {labels.length > 1 && ` ${count(n)}`}
          </span>
        ))}
        {labels.length > MOST_LABELS && ` and ${labels.length - MOST_LABELS} other labels`} · <Span from={new Date(row.first_at)} to={new Date(row.last_at)} /> · on {runners.length === 1 ? <Inert>{runners[0]?.[0] ?? ''}</Inert> : `${runners.length} runners`}
      </div>
      <Button variant="inline-link" ariaLabel={`Details of ${row.cause}`} onClick={() => openDetails(`${count(row.count)} ${row.cause}`, <ErrorDetails row={row} />)}>
        {saved > 0 ? `Details and ${saved} saved ${saved === 1 ? 'exchange' : 'exchanges'}` : 'Details'}
      </Button>
    </div>
  );
}

/** When it was seen first and last; one time where both read the same. */
function Span({ from, to }: { from: Date; to: Date }) {
  if (short(from) === short(to)) return <span title={`${utc(from)} to ${utc(to)}`}>{short(from)}</span>;
  return <>from <When date={from} /> to <When date={to} /></>;
}

interface Counted {
  regions: string[];
  rows: { cause: string; message?: string; counts: number[] }[];
}

function ByRegion({ regions, rows }: Counted) {
  const name = ({ cause, message }: Counted['rows'][number]) => bounded(message === undefined ? cause : `${cause}: ${message}`, MOST_OF_NAME);
  return (
    <ExpandableSection headerText="By region">
      <PlainTable caption="Failures by cause and region" columns={['Cause', ...regions]} rows={() => rows.map((row) => [name(row), ...row.counts.map(count)])} />
    </ExpandableSection>
  );
}

/** Of a run whose errors were not counted by region: by cause alone, as its seconds tell them. */
function ByRegionOfSeconds({ test, record }: { test: string; record: RunRecord }) {
  const overview = useOverview(test, record.testRunId, overviewStep(record));
  const found = useMemo(() => (overview.data ? causesByRegion(overview.data) : null), [overview.data]);
  return found && found.rows.length > 0 ? <ByRegion {...found} /> : null;
}
