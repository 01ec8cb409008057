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
});

it('counts each second after six hours once, by ticks until what is stored of it is whole', () => {
  const run = new RunSeconds();
  const stored = (...rows: ReturnType<typeof second>[]) => run.store({ format: 2, start_at_us: 0, end_s: 1_000_000, total: [], regions: { a: rows }, labels: [] });
  for (let at = 21_595; at < 21_617; at++) run.tick(tick('a', at, 1, '', { users: 3 }));
  // Two workers without a leader.
  for (const worker of ['b-1', 'b-2']) run.tick(tick('b', 21_616, 1, worker));
  expect(run.last).toBe(21_616);
  expect(run.sum(21_607, 21_617).ok).toBe(12);
  expect(run.sum(21_607, 21_617).users).toBe(7);
  expect(run.stretches(21_600, 21_617, 100).map((part) => [part.from, part.length, part.ok])).toEqual([[21_600, 10, 10], [21_610, 7, 9]]);
  // Of what is stored, the last stretch may hold a part of its ten seconds.
  stored(second(21_590, 1), second(21_600, 10, { users: 3 }), second(21_610, 2));
  expect(run.last).toBe(21_616);
  expect(run.stretches(21_600, 21_617, 100).map((part) => part.ok)).toEqual([10, 9]);
  expect(run.sum(21_600, 21_617).ok).toBe(19);
  // Of a run that is over it is whole.
  run.store({ format: 2, start_at_us: 0, end_s: 1_000_000, total: [], regions: { a: [second(21_620, 8)] }, labels: [] }, true);
  expect(run.last).toBe(21_629);
  expect(run.sum(21_620, 21_630).ok).toBe(8);
});

it('knows what is long past by coarse stretches, and the rest by the second', () => {
  const run = new RunSeconds();
  for (let at = 880; at < 1_000; at++) run.tick(tick('a', at, 1));
  const past = new RunSeconds();
  for (let at = 0; at < 900; at++) past.tick(tick('a', at, 1, '', { latency: [[100 + (at % 7), 1]] }));
  run.begin(past.stretches(0, 900, 15), 60, 900);
  // Told once more, with what came before it.
  run.store({ format: 2, start_at_us: 0, end_s: 1_000_000, total: [], regions: { a: [second(899, 1), second(900, 1), second(901, 4)] }, labels: [] });
  expect(run.coarse).toMatchObject({ until: 900, step: 60 });
  expect(run.sum().ok).toBe(900 + 100 + 3);
  expect(run.sum(0, 900).ok).toBe(900);
  expect(run.sum(890, 910).ok).toBe(13);
  const all = run.stretches(0, 1_000, 240);
  expect(all.map((part) => part.length)).toEqual([...Array<number>(16).fill(60), 40]);
  expect(all.reduce((sum, part) => sum + part.ok, 0)).toBe(1_003);
  expect(all[0]?.latency.quantile(0.5)).toBe(past.stretches(0, 60, 1)[0]?.latency.quantile(0.5));
  expect(run.stretches(900, 1_000, 240).map((part) => part.length)).toEqual(Array<number>(100).fill(1));
  expect(run.stretches(0, 1_000, 4).map((part) => part.ok)).toEqual([300, 300, 300, 103]);
});

it('knows until where all regions are told', () => {
  const timeline = (...lasts: number[]) => ({ regions: Object.fromEntries(lasts.map((last, at) => [`r${at}`, last < 0 ? [] : [second(last, 1)]])) }) as unknown as Parameters<typeof toldBy>[0];
  expect([toldBy(timeline()), toldBy(timeline(-1)), toldBy(timeline(19, 9)), toldBy(timeline(99, 9))]).toEqual([0, 0, 10, 85]);
});
