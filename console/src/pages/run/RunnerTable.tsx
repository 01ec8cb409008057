// The runners of a run, worst first: which were lost or late, and how near each came to
// its limits. Asked for when it is opened.
import ExpandableSection from '@cloudscape-design/components/expandable-section';
import StatusIndicator from '@cloudscape-design/components/status-indicator';
import Table from '@cloudscape-design/components/table';
import { useState } from 'react';
import { useRunners } from '../../api/timelines';
import type { Runner } from '../../api/types';
import { bytes, count, exactTime, percent, plain, time } from '../../numbers/format';
import { fullness, isLost, worstFirst } from '../../numbers/runners';
import { offset } from '../../numbers/when';
import { Failed, Inert, Loading, Num } from '../../ui/parts';

const MOST_SHOWN = 100;
/** Share of its memory from which a runner may be held up. */
const FULL = 0.9;

export function RunnerTable({ test, run, expected }: { test: string; run: string; expected: number | undefined }) {
  const [isOpen, setOpen] = useState(false);
  const runners = useRunners(test, run, isOpen);
  const rows = worstFirst(runners.data ?? []);
  return (
    <ExpandableSection headerText={`Runners${expected === undefined ? '' : ` (${count(expected)})`}`} expanded={isOpen} onChange={({ detail }) => setOpen(detail.expanded)}>
      {!isOpen ? null : runners.error ? (
        <Failed error={runners.error} what="The runners" again={() => void runners.refetch()} />
      ) : runners.data === undefined ? (
        <Loading what="runners" />
      ) : (
        <Table<Runner>
          variant="embedded"
          wrapLines
          items={rows.slice(0, MOST_SHOWN)}
          trackBy="runner"
          empty="No runner was heard of."
          footer={rows.length > MOST_SHOWN ? <span className="muted">{`The worst ${MOST_SHOWN} of ${count(rows.length)} are shown.`}</span> : undefined}
          ariaLabels={{ tableLabel: 'Runners, worst first' }}
          columnDefinitions={[
            { id: 'runner', header: 'Runner', isRowHeader: true, minWidth: 170, cell: (row) => <><Inert>{row.runner}</Inert><div className="muted" style={{ fontSize: 12 }}><Inert>{row.region}</Inert>{row.role === 'leader' && ', leader'}</div></> },
            { id: 'state', header: 'State', minWidth: 150, cell: (row) => <State row={row} /> },
            { id: 'lag', header: <Num>Lag p99</Num>, cell: (row) => <Num title={exactTime(row.lag_p99_us)}>{time(row.lag_p99_us)}</Num> },
            { id: 'cpu', header: <Num>CPU</Num>, cell: (row) => <Num>{row.cpu_pct === undefined ? '–' : `${plain(row.cpu_pct)} %`}</Num> },
            { id: 'memory', header: <Num>Memory</Num>, minWidth: 130, cell: (row) => <Memory row={row} /> },
            { id: 'skew', header: <Num>Start</Num>, cell: (row) => <Num title={exactTime(row.skew_us)}>{time(row.skew_us)}</Num> },
            { id: 'address', header: 'Address', minWidth: 130, cell: (row) => (row.public_address ? <Inert>{row.public_address}</Inert> : '–') },
          ]}
        />
      )}
    </ExpandableSection>
  );
}

function State({ row }: { row: Runner }) {
  const type = isLost(row) ? 'error' : row.state === 'lagging' ? 'warning' : row.state === 'finished' ? 'success' : 'info';
  return (
    <>
      <StatusIndicator type={type}><Inert most={40}>{row.state}</Inert></StatusIndicator>
      {row.last_heard_s !== undefined && (isLost(row) || row.state === 'lagging') && <div className="muted" style={{ fontSize: 12 }}>last heard {offset(row.last_heard_s)}</div>}
      {row.lost && <div style={{ fontSize: 12, maxWidth: 320 }}><Inert>{row.lost}</Inert></div>}
    </>
  );
}

function Memory({ row }: { row: Runner }) {
  const { memory_bytes: used, memory_limit_bytes: limit } = row;
  const share = fullness(row);
  return (
    <Num title={used === undefined ? 'not told' : `${count(used)} bytes${limit ? ` of ${count(limit)}` : ''}`}>
      {bytes(used)}
      {share !== null && <div className={share >= FULL ? 'bad' : 'muted'} style={{ fontSize: 12 }}>{percent(share)} of its limit</div>}
    </Num>
  );
}
