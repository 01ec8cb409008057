// A run's numbers as tables to take away: labels as the API tells them, seconds with
// percentiles of their added histograms. Their format is left to `csv`.
import type { Block, Blocks, ErrorRow, Second, Timeline } from '../api/types';
import { Coarse } from './coarse';
import type { Cell } from './csv';

const TIMES = ['min_us', 'mean_us', 'p50_us', 'p75_us', 'p90_us', 'p95_us', 'p99_us', 'p99_9_us', 'p99_99_us', 'max_us'] as const;

/** A row for all, one a region, one a label, one for the transactions of a name; times in µs, of what `times_over` says. */
export function labelRows(summary: Blocks): Cell[][] {
  const seconds = summary.loaded_us / 1e6;
  const row = (kind: string, name: string, block: Block): Cell[] => [
    kind,
    name,
    block.count,
    block.ok,
    block.failed,
    seconds > 0 ? block.count / seconds : null,
    ...TIMES.map((field) => block[field]),
    block.bytes_received,
    block.bytes_sent,
  ];
  return [
    ['of', 'name', 'requests', 'ok', 'failed', 'rate_per_s', ...TIMES, 'bytes_received', 'bytes_sent'],
    row('all', 'all requests', summary.total),
    ...Object.entries(summary.regions).map(([name, block]) => row('region', name, block)),
    ...summary.labels.map((block) => row('label', block.label ?? '', block)),
    ...(summary.transactions ?? []).map((block) => row('transaction', block.label ?? '', block)),
  ];
}

/** A row a second and region; times in µs of ok answers, known to two digits. */
export function secondRows(timeline: Timeline): Cell[][] {
  const regions = Object.entries(timeline.regions);
  const rows: Cell[][] = [['region', 'second', 'users', 'scheduled', 'sent', 'ok', 'failed', 'dropped', 'bytes', 'p50_us_near', 'p95_us_near', 'p99_us_near', 'causes']];
  const add = (region: string, second: Second) => {
    const latency = new Coarse().add(second.latency);
    const near = [0.5, 0.95, 0.99].map((q) => {
      const us = latency.quantile(q);
      return us === null ? null : Number(us.toPrecision(2));
    });
    const causes = second.causes.map(([cause, count]) => `${cause} ${count}`).join('; ');
    rows.push([region, second.second, second.users, second.scheduled, second.sent, second.ok, second.failed, second.dropped, second.bytes, ...near, causes]);
  };
  if (regions.length > 1) for (const second of timeline.total) add('all', second);
  for (const [region, seconds] of regions) for (const second of seconds) add(region, second);
  return rows;
}

/** Errors by region of the run, each by its cause and message; null where an older dlt did not count them so. */
export function errorsByRegion(errors: readonly ErrorRow[], measured: readonly string[]): { regions: string[]; rows: { cause: string; message: string; counts: number[] }[] } | null {
  const counted = errors.flatMap((row) => Object.keys(row.regions ?? {}));
  if (counted.length === 0) return null;
  // One without failures says something too.
  const regions = [...new Set([...measured, ...counted])].sort();
  return { regions, rows: errors.map(({ cause, message, regions: counts }) => ({ cause, message, counts: regions.map((region) => counts?.[region] ?? 0) })) };
}

/** Failures by cause and region, as the seconds tell them: most frequent first. */
export function causesByRegion(timeline: Timeline): { regions: string[]; rows: { cause: string; counts: number[] }[] } {
  const regions = Object.keys(timeline.regions).sort();
  const causes = new Map<string, number[]>();
  regions.forEach((region, at) => {
    for (const second of timeline.regions[region] ?? []) {
      for (const [cause, count] of second.causes) {
        const counts = causes.get(cause) ?? regions.map(() => 0);
        counts[at] = (counts[at] ?? 0) + count;
        causes.set(cause, counts);
      }
    }
  });
  const sum = (counts: number[]) => counts.reduce((all, count) => all + count, 0);
  const rows = [...causes].map(([cause, counts]) => ({ cause, counts })).sort((a, b) => sum(b.counts) - sum(a.counts) || a.cause.localeCompare(b.cause));
  return { regions, rows };
}
