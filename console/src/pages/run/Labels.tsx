// Response times by label, with each change against the baseline in its cell, a line of
// the p95 over time, and the regions on demand.
import Button from '@cloudscape-design/components/button';
import Box from '@cloudscape-design/components/box';
import Header from '@cloudscape-design/components/header';
import Table, { type TableProps } from '@cloudscape-design/components/table';
import TextFilter from '@cloudscape-design/components/text-filter';
import Toggle from '@cloudscape-design/components/toggle';
import { useMemo, useState } from 'react';
import type { Block, Blocks, Comparison, LabelSeries, MetricChange, RunRecord, RunTimeline } from '../../api/types';
import { useQueryParam } from '../../app/router';
import { Coarse } from '../../numbers/coarse';
import { change, count, exactTime, percent, rate, time } from '../../numbers/format';
import { Inert, Num, Time } from '../../ui/parts';
import { changeWord } from '../../ui/words';

/** Labels before one asks for more: what follows must not be out of sight. */
const FIRST_LABELS = 12;

interface Row {
  key: string;
  name: string;
  kind: 'all' | 'region' | 'label';
  block: Block;
  metrics: MetricChange[];
  series?: LabelSeries | undefined;
}

interface Props {
  test: string;
  run: string;
  summary: Blocks;
  comparison: Comparison | undefined;
  results: RunRecord['results'];
  timeline: RunTimeline | undefined;
}

export function Labels({ summary, comparison, timeline }: Props) {
  const [text, setText] = useQueryParam('label');
  const [withRegions, setRegions] = useState(false);
  const [most, setMost] = useState(FIRST_LABELS);
  const [sorting, setSorting] = useState<{ id: string; down: boolean }>();
  const loaded = summary.loaded_us / 1e6;
  const rows = useMemo(() => rowsOf(summary, comparison, timeline), [summary, comparison, timeline]);
  const fixed = rows.filter((row) => row.kind === 'all' || (row.kind === 'region' && withRegions));
  const labels = rows.filter((row) => row.kind === 'label' && row.name.toLowerCase().includes(text.toLowerCase()));
  const columns = columnsOf(loaded, comparison !== undefined);
  const sorted = sorting ? sort(labels, sorting.id, sorting.down, loaded) : labels;
  const total = summary.total;
  const share = total.count > 0 ? percent(total.failed / total.count) : '–';
  const regionCount = Object.keys(summary.regions).length;
  return (
    <Table<Row>
      variant="container"
      header={
        <Header
          variant="h2"
          counter={`(${summary.labels.length})`}
          description={`Times are of ${summary.times_over === 'ok' ? 'ok answers' : 'all answers'}; ${share} failed.${comparison ? ' Below each number: its change against the baseline; ? means that nothing can be told of it.' : ''}`}
          actions={regionCount > 1 && <Toggle checked={withRegions} onChange={({ detail }) => setRegions(detail.checked)}>Regions</Toggle>}
        >
          Response times by label
        </Header>
      }
      filter={
        summary.labels.length > 8 && (
          <TextFilter filteringText={text} filteringPlaceholder="Find labels" filteringAriaLabel="Find labels" onChange={({ detail }) => setText(detail.filteringText)} countText={`${labels.length} match`} />
        )
      }
      columnDefinitions={columns}
      items={[...fixed, ...sorted.slice(0, most)]}
      trackBy="key"
      wrapLines
      stickyColumns={{ first: 1 }}
      {...(sorting ? { sortingColumn: { sortingField: sorting.id }, sortingDescending: sorting.down } : {})}
      onSortingChange={({ detail }) => setSorting({ id: detail.sortingColumn.sortingField ?? '', down: detail.isDescending ?? false })}
      empty={<Box textAlign="center">No request was finished.</Box>}
      {...(sorted.length > most
        ? { footer: <Button onClick={() => setMost(most === FIRST_LABELS ? 100 : most + 400)}>{`Show more: ${count(most)} of ${count(sorted.length)} labels are here`}</Button> }
        : {})}
      ariaLabels={{ tableLabel: 'Response times by label' }}
    />
  );
}

function rowsOf(summary: Blocks, comparison: Comparison | undefined, timeline: RunTimeline | undefined): Row[] {
  const changes = new Map(comparison?.labels.map((label) => [label.label, label.metrics]));
  const series = new Map(timeline?.labels.map((one) => [one.label, one]));
  return [
    { key: 'all', name: 'all requests', kind: 'all', block: summary.total, metrics: comparison?.totals ?? [] },
    ...Object.entries(summary.regions).map(([name, block]): Row => ({ key: `region ${name}`, name, kind: 'region', block, metrics: [] })),
    ...summary.labels.map((block): Row => {
      const name = block.label ?? '';
      return { key: `label ${name}`, name, kind: 'label', block, metrics: changes.get(name) ?? [], series: series.get(name) };
    }),
  ];
}

const TIMES = [
  ['p50_us', 'p50'],
  ['p95_us', 'p95'],
  ['p99_us', 'p99'],
  ['p99_9_us', 'p99.9'],
  ['max_us', 'max'],
] as const;

function columnsOf(loaded: number, isCompared: boolean): TableProps.ColumnDefinition<Row>[] {
  return [
    {
      id: 'label',
      header: 'Label',
      sortingField: 'label',
      isRowHeader: true,
      minWidth: 210,
      cell: (row) =>
        row.kind === 'all' ? <b>all requests</b> : row.kind === 'region' ? <span className="muted">in {row.name}</span> : <Inert>{row.name}</Inert>,
    },
    { id: 'count', header: <Num>Requests</Num>, sortingField: 'count', cell: (row) => <Num>{count(row.block.count)}</Num> },
    {
      id: 'rate',
      header: <Num>Rate</Num>,
      sortingField: 'rate',
      cell: (row) => <WithChange row={row} metric="rate" isCompared={isCompared}><Num>{rate(loaded > 0 ? row.block.count / loaded : null)}</Num></WithChange>,
    },
    {
      id: 'errors',
      header: <Num>Failed</Num>,
      sortingField: 'errors',
      cell: (row) => (
        <WithChange row={row} metric="error_rate" isCompared={isCompared}>
          <Num title={`${count(row.block.failed)} of ${count(row.block.count)}`}>
            {row.block.failed > 0 ? <b className="bad">{percent(row.block.failed / row.block.count)}</b> : percent(row.block.count > 0 ? 0 : null)}
          </Num>
        </WithChange>
      ),
    },
    ...TIMES.map(
      ([field, header]): TableProps.ColumnDefinition<Row> => ({
        id: field,
        header: <Num>{header}</Num>,
        sortingField: field,
        cell: (row) => (
          <WithChange row={row} metric={field} isCompared={isCompared}>
            <Time us={row.block[field]} why="no request succeeded" />
          </WithChange>
        ),
      }),
    ),
    { id: 'line', header: 'p95 over time', minWidth: 110, cell: (row) => (row.series ? <Spark series={row.series} /> : <span className="muted">–</span>) },
  ];
}

function WithChange({ row, metric, isCompared, children }: { row: Row; metric: string; isCompared: boolean; children: React.ReactNode }) {
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

function sort(rows: Row[], id: string, down: boolean, loaded: number): Row[] {
  const value = (row: Row): number | string => {
    if (id === 'label') return row.name;
    if (id === 'rate') return row.block.count / loaded;
    if (id === 'errors') return row.block.count ? row.block.failed / row.block.count : 0;
    return (row.block[id as keyof Block] as number | null) ?? -1;
  };
  const sign = down ? -1 : 1;
  return [...rows].sort((a, b) => {
    const [left, right] = [value(a), value(b)];
    return sign * (typeof left === 'string' ? left.localeCompare(String(right)) : left - Number(right));
  });
}

const POINTS = 40;

/** The p95 over the run in at most forty points, each of added histograms. */
function Spark({ series }: { series: LabelSeries }) {
  const path = useMemo(() => {
    const last = (series.seconds.at(-1)?.second ?? 0) + 1;
    const parts = Array.from({ length: Math.min(POINTS, last) }, () => new Coarse());
    for (const second of series.seconds) parts[Math.floor((second.second / last) * parts.length)]?.add(second.latency);
    const values = parts.map((part) => part.quantile(0.95));
    const known = values.filter((value): value is number => value !== null);
    const low = Math.min(...known);
    const high = Math.max(...known);
    const y = (value: number) => (high > low ? 18 - (16 * (value - low)) / (high - low) : 10);
    let text = '';
    values.forEach((value, at) => {
      if (value !== null) text += `${text ? 'L' : 'M'}${((at / Math.max(1, values.length - 1)) * 100).toFixed(1)} ${y(value).toFixed(1)}`;
    });
    return { text, low, high };
  }, [series]);
  return (
    <svg width={100} height={20} role="img" aria-label={`p95 between ${time(path.low, 2)} and ${time(path.high, 2)}`}>
      <path d={path.text} fill="none" stroke="var(--p95)" strokeWidth={1.5} />
    </svg>
  );
}
