import { expect, it } from 'vitest';
import type { Block, Blocks, ErrorRow, Second, Timeline } from '../api/types';
import { causesByRegion, errorsByRegion, labelRows, secondRows } from './tables';

const block = (count: number, label?: string): Block =>
  ({ count, ok: count, failed: 0, bytes_received: 7, bytes_sent: 3, p50_us: 6_470, p95_us: 165_887, max_us: null, ...(label ? { label } : {}) }) as Block;
const second = (at: number, causes: [string, number][] = []): Second =>
  ({ second: at, users: 1, scheduled: 2, sent: 2, ok: 2, failed: 0, dropped: 0, bytes: 9, causes, latency: [[80, 2]], lag: [] }) as unknown as Second;

it('tells labels with the exact values of the API', () => {
  const summary: Blocks = { loaded_us: 10_000_000, times_over: 'ok', total: block(40), regions: { 'lo-home-1': block(40) }, labels: [block(40, '=cart')] };
  const rows = labelRows(summary);
  expect(rows.map((row) => row.slice(0, 6))).toEqual([
    ['of', 'name', 'requests', 'ok', 'failed', 'rate_per_s'],
    ['all', 'all requests', 40, 40, 0, 4],
    ['region', 'lo-home-1', 40, 40, 0, 4],
    ['label', '=cart', 40, 40, 0, 4],
  ]);
  expect(rows[1]?.[rows[0]?.indexOf('p95_us') ?? -1]).toBe(165_887);
  expect(rows[1]?.[rows[0]?.indexOf('max_us') ?? -1]).toBeNull();
});

it('tells seconds of each region, and of all where there are several', () => {
  const timeline = { format: 1, start_at_us: 0, end_s: 1, labels: [], regions: { a: [second(0, [['reset', 2]])], b: [second(0)] }, total: [second(0)] } as Timeline;
  expect(secondRows(timeline).map((row) => row[0])).toEqual(['region', 'all', 'a', 'b']);
  expect(secondRows(timeline)[2]?.at(-1)).toBe('reset 2');
  expect(secondRows({ ...timeline, regions: { a: [second(0)] } }).map((row) => row[0])).toEqual(['region', 'a']);
});

it('counts causes by region', () => {
  const timeline = { regions: { b: [second(0, [['reset', 1]]), second(1, [['dns', 5]])], a: [second(0, [['reset', 2]])] } } as unknown as Timeline;
  expect(causesByRegion(timeline)).toEqual({ regions: ['a', 'b'], rows: [{ cause: 'dns', counts: [0, 5] }, { cause: 'reset', counts: [2, 1] }] });
});

it('counts errors by region where the rows do', () => {
  const row = (cause: string, message: string, regions: Record<string, number>) => ({ cause, message, regions }) as ErrorRow;
  expect(errorsByRegion([row('reset', 'a', { y: 2 }), row('reset', 'b', { x: 1, y: 3 })], ['z', 'x'])).toEqual({
    regions: ['x', 'y', 'z'],
    rows: [{ cause: 'reset', message: 'a', counts: [0, 2, 0] }, { cause: 'reset', message: 'b', counts: [1, 3, 0] }],
  });
  expect(errorsByRegion([row('reset', 'a', {})], ['x'])).toBeNull();
  expect(errorsByRegion([], [])).toBeNull();
});
