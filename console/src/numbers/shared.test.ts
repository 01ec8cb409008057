// The golden file that Rust writes and reads too: seconds, their sums and percentiles. What is
// added in the browser is what is added everywhere else.
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import type { Second } from '../api/types';
import { RunSeconds, type Stretch } from './seconds';

interface Golden {
  regions: Record<string, Second[]>;
  total: Second[];
  percentiles: (number | null)[][];
  step_s: number;
  stretches: Second[];
  stretch_percentiles: (number | null)[][];
}

const file = new URL('../../../dlt-core/src/messages/timeline/shared.json', import.meta.url);
const golden = JSON.parse(readFileSync(file, 'utf8')) as Golden;
const run = new RunSeconds().store({ format: 2, start_at_us: 0, end_s: 1_000_000, total: golden.total, regions: golden.regions, labels: [] });

function same(ours: Stretch[], theirs: Second[], percentiles: (number | null)[][]): void {
  expect(ours.length).toBe(theirs.length);
  for (const [at, stretch] of ours.entries()) {
    const row = theirs[at];
    expect(row).toBeDefined();
    if (!row) continue;
    const { second, scheduled, sent, ok, failed, dropped, bytes } = row;
    expect([stretch.from, stretch.scheduled, stretch.sent, stretch.ok, stretch.failed, stretch.dropped, stretch.bytes]).toEqual([second, scheduled, sent, ok, failed, dropped, bytes]);
    expect([...stretch.causes].sort()).toEqual([...row.causes].sort());
    expect(stretch.latency.rows()).toEqual(row.latency);
    expect(stretch.failedLatency.rows()).toEqual(row.latency_failed ?? []);
    expect(stretch.lag.rows()).toEqual(row.lag);
    [0.5, 0.95, 0.99, 0.999, 1].forEach((q, index) => {
      const value = stretch.latency.quantile(q);
      const expected = percentiles[at]?.[index] ?? null;
      if (value === null || expected === null) expect(value).toBe(expected);
      else expect(value / expected).toBeCloseTo(1, 12);
    });
  }
}

it('adds regions second by second as Rust does', () => {
  const seconds = run.stretches(0, golden.total.length, golden.total.length);
  same(seconds, golden.total, golden.percentiles);
  expect(seconds.map((one) => one.users)).toEqual(golden.total.map((one) => one.users));
});

it('adds longer stretches as Rust does', () => {
  same(run.stretches(0, golden.total.length, golden.total.length / golden.step_s), golden.stretches, golden.stretch_percentiles);
});
