// Rows and columns of the table of labels: counts, rates and times as the API tells them,
// each with its change against the baseline.
import type { TableProps } from '@cloudscape-design/components/table';
import type { ReactNode } from 'react';
import type { Block, Blocks, Comparison, MetricChange } from '../../api/types';
import { change, count, exactTime, percent, rate, TIMES } from '../../numbers/format';
import { Inert, Num, Time } from '../../ui/parts';
import { changeWord } from '../../ui/words';
import { RegionCell } from './RegionCell';

/** What a cell reads of a block. */
export type Numbers = Pick<Block, 'count' | 'failed' | 'p50_us' | 'p95_us' | 'p99_us' | 'p99_9_us' | 'max_us'>;

export interface Row {
  key: string;
  name: string;
  kind: 'all' | 'label' | 'region';
  /** Null where it is asked for when its row is shown: a label in a region. */
  block: Numbers | null;
  metrics: MetricChange[];
  /** Of a region: the label that it belongs to; empty for all. */
  label: string;
}

export function rowsOf(summary: Blocks, comparison: Comparison | undefined): Row[] {
  const changes = new Map(comparison?.labels.map((label) => [label.label, label.metrics]));
  return [
    { key: 'all', name: 'all requests', kind: 'all', block: summary.total, metrics: comparison?.totals ?? [], label: '' },
    ...summary.labels.map((block): Row => {
      const name = block.label ?? '';
      return { key: `label ${name}`, name, kind: 'label', block, metrics: changes.get(name) ?? [], label: name };
    }),
  ];
}

export function regionsOf(row: Row, summary: Blocks): Row[] {
  return Object.entries(summary.regions).map(([name, block]) => ({
    key: `${row.key} in ${name}`,
    name,
    kind: 'region',
    block: row.kind === 'all' ? block : null,
    metrics: [],
    label: row.label,
  }));
}

interface Around {
  test: string;
  run: string;
  /** Seconds in which load was made. */
  loaded: number;
  isCompared: boolean;
  isNarrow: boolean;
  spark: (row: Row) => ReactNode;
}

export function columnsOf(around: Around): TableProps.ColumnDefinition<Row>[] {
  const { test, run, loaded, isCompared } = around;
  /** A cell whose numbers are here, or come when its row is on screen. */
  const of = (row: Row, cell: (numbers: Numbers) => ReactNode) =>
    row.block ? cell(row.block) : <RegionCell test={test} run={run} label={row.label} region={row.name} cell={cell} />;
  return [
    {
      id: 'label',
      header: 'Label',
      sortingField: 'label',
      isRowHeader: true,
      minWidth: around.isNarrow ? 130 : 160,
      cell: (row) => (row.kind === 'all' ? <b>all requests</b> : row.kind === 'region' ? <span className="muted">in <Inert>{row.name}</Inert></span> : <Inert most={120}>{row.name}</Inert>),
    },
    { id: 'count', header: <Num>Requests</Num>, sortingField: 'count', cell: (row) => of(row, (block) => <Num>{count(block.count)}</Num>) },
    {
      id: 'rate',
      header: <Num>Rate</Num>,
      sortingField: 'rate',
      cell: (row) => <WithChange row={row} metric="rate" isCompared={isCompared}>{of(row, (block) => <Num>{rate(loaded > 0 ? block.count / loaded : null)}</Num>)}</WithChange>,
    },
    {
      id: 'errors',
      header: <Num>Failed</Num>,
      sortingField: 'errors',
      cell: (row) => <WithChange row={row} metric="error_rate" isCompared={isCompared}>{of(row, failedShare)}</WithChange>,
    },
    ...TIMES.map(
      ([field, header]): TableProps.ColumnDefinition<Row> => ({
        id: field,
        header: <Num>{header}</Num>,
        sortingField: field,
        cell: (row) => (
          <WithChange row={row} metric={field} isCompared={isCompared}>
            {of(row, (block) => <Time us={block[field]} why="no request succeeded" />)}
          </WithChange>
        ),
      }),
    ),
    { id: 'line', header: 'p95 over time', minWidth: 98, cell: (row) => around.spark(row) },
  ];
}

function failedShare(block: Numbers): ReactNode {
  return (
    <Num title={`${count(block.failed)} of ${count(block.count)}`}>
      {block.failed > 0 ? <b className="bad">{percent(block.failed / block.count)}</b> : percent(block.count > 0 ? 0 : null)}
    </Num>
  );
}

function WithChange({ row, metric, isCompared, children }: { row: Row; metric: string; isCompared: boolean; children: ReactNode }) {
  const found = isCompared ? row.metrics.find((one) => one.metric === metric) : undefined;
  if (!found) return <>{children}</>;
  const text =
    metric === 'error_rate' ? `${found.delta > 0 ? '+' : found.delta < 0 ? '−' : ''}${Number(Math.abs(found.delta * 100).toPrecision(2))} pp` : change(found.delta_pct);
  const tone = found.change === 'worse' ? 'bad' : found.change === 'better' ? 'good' : 'muted';
  const interval = found.low_pct !== undefined && found.high_pct !== undefined ? `, between ${change(found.low_pct)} and ${change(found.high_pct)} (95 %)` : '';
  const was = metric.endsWith('_us') ? exactTime(found.base) : metric === 'rate' ? rate(found.base) : percent(found.base);
  return (
    <>
      {children}
      <div className={`num ${tone}`} style={{ fontSize: 12 }} title={`${changeWord(found.change)}: ${text}${interval}; the baseline has ${was}${found.why ? `. ${found.why}` : ''}`}>
        {found.change === 'worse' ? '▲ ' : found.change === 'better' ? '▼ ' : ''}
        {text}
        {found.change === 'cannot_tell' && ' ?'}
      </div>
    </>
  );
}

export function sort(rows: Row[], id: string, down: boolean): Row[] {
  const value = (row: Row): number | string => {
    const { block } = row;
    if (id === 'label') return row.name;
    if (!block) return -1;
    if (id === 'rate') return block.count;
    if (id === 'errors') return block.count ? block.failed / block.count : 0;
    return block[id as keyof Numbers] ?? -1;
  };
  const sign = down ? -1 : 1;
  return [...rows].sort((a, b) => {
    const [left, right] = [value(a), value(b)];
    return sign * (typeof left === 'string' ? left.localeCompare(String(right)) : left - Number(right));
  });
}
