import { expect, it } from 'vitest';
import type { Second, Tick } from '../api/types';
import { middleUs } from './coarse';
import { causesOf, plannedAt, resolution, RunSeconds, toldBy } from './seconds';

function second(at: number, ok: number, rest: Partial<Second> = {}): Second {
  return {
    second: at,
    users: 2,
    scheduled: ok,
    dropped: 0,
    unconnected: 0,
    sent: ok,
    resent: 0,
    ok,
    failed: 0,
    unfinished: 0,
    bytes: 10,
    causes: [],
    latency: [[80, ok]],
    lag: [],
    user_time_us: 0,
    read_delay_us: 0,
    unstamped: 0,
    ...rest,
  };
}

const tick = (region: string, at: number, ok: number, runner = '', rest: Partial<Second> = {}): Tick => ({
  ...second(at, ok, rest),
  test_id: 't',
  run_id: 'r',
  region,
  seq: at,
  answers: ok,
  runners: [[runner || `${region}-1`, 'loading', at, 1]],
});

it('adds regions, and counts a tick that is told again once', () => {
  const run = new RunSeconds();
  run.tick(tick('a', 0, 5));
  run.tick(tick('a', 0, 5));
  run.tick(tick('b', 0, 7, '', { latency: [[160, 7]] }));
  const [only] = run.stretches();
  expect(only?.ok).toBe(12);
  expect(only?.users).toBe(4);
  expect(only?.latency.quantile(0.95)).toBe(middleUs(160));
});

it('adds ticks of workers that lost their leader', () => {
  const run = new RunSeconds();
  run.tick(tick('a', 0, 5, 'a-1'));
  run.tick(tick('a', 0, 6, 'a-2'));
  expect(run.stretches()[0]?.ok).toBe(11);
});

it('takes what is stored before what was told', () => {
  const run = new RunSeconds();
  run.tick(tick('a', 0, 5));
  run.store({ format: 2, start_at_us: 0, end_s: 1_000_000, total: [], regions: { a: [second(0, 6), second(1, 6)] }, labels: [] });
  expect(run.stretches().map((part) => part.ok)).toEqual([6, 6]);
});

it('counts the runners that make load, of both kinds of rows', () => {
  const run = new RunSeconds();
  run.store({ format: 2, start_at_us: 0, end_s: 1_000_000, total: [], regions: { a: [second(0, 6, { runners: 3 })], b: [second(0, 6, { runners: 2 })] }, labels: [] });
  run.tick({ ...tick('a', 1, 5), runners: [['a-1', 'loading', 1, 1], ['a-2', 'lost', 0, 0]] });
  run.tick({ ...tick('b', 1, 5), loading: 7 });
  run.store({ format: 2, start_at_us: 0, end_s: 1_000_000, total: [], regions: { a: [second(2, 6)] }, labels: [] });
  expect(run.stretches().map((part) => part.runners)).toEqual([5, 8, null]);
  expect(run.sum(0, 2).runners).toBe(8);
});

it('makes few stretches of many seconds, and loses none', () => {
  const run = new RunSeconds();
  for (let at = 0; at < 100; at++) run.tick(tick('a', at, 1, '', { causes: [['dns', 1]] }));
  const parts = run.stretches(0, 100, 10);
  expect(parts).toHaveLength(10);
  expect(parts.reduce((sum, part) => sum + part.ok, 0)).toBe(100);
  expect(parts[0]?.length).toBe(10);
  expect(parts[0]?.users).toBe(2);
  expect(causesOf(parts)).toEqual(['dns']);
  expect(run.sum(90, 100).ok).toBe(10);
});

it('knows the stretches of long runs and the planned curve', () => {
  expect([0, 21_599, 21_600, 259_200].map(resolution)).toEqual([1, 1, 10, 60]);
  expect(plannedAt([[0, 10], [10, 20]], 5)).toBe(15);
  expect(plannedAt([[0, 10], [1, 10]], 1)).toBe(10);
  expect(plannedAt([], 1)).toBeNull();
});

it('adds whole minutes once, and again when they change', () => {
  const run = new RunSeconds();
  for (let at = 0; at < 1_000; at++) run.tick(tick('a', at, 1));
  const count = (from: number, to: number, most: number) => run.stretches(from, to, most).reduce((sum, part) => sum + part.ok, 0);
  expect(count(0, 1_000, 5)).toBe(1_000);
  expect(run.stretches(0, 1_000, 5)[0]?.length).toBe(240);
  expect(run.stretches(0, 1_000, 5).at(-1)?.length).toBe(40);
  expect(run.sum(30, 210).ok).toBe(180);
  run.tick(tick('b', 100, 5));
  expect(count(0, 1_000, 5)).toBe(1_005);
  expect(run.sum().ok).toBe(1_005);
  expect(run.stretches(90, 110, 100).reduce((sum, part) => sum + part.ok, 0)).toBe(25);
  expect(run.stretches(0, 1_000, 5, 'b').reduce((sum, part) => sum + part.ok, 0)).toBe(5);
});

it('knows until where all regions are told', () => {
  const timeline = (...lasts: number[]) => ({ regions: Object.fromEntries(lasts.map((last, at) => [`r${at}`, last < 0 ? [] : [second(last, 1)]])) }) as unknown as Parameters<typeof toldBy>[0];
  expect([toldBy(timeline()), toldBy(timeline(-1)), toldBy(timeline(19, 9)), toldBy(timeline(99, 9))]).toEqual([0, 0, 10, 85]);
});
