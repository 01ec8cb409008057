import { expect, it } from 'vitest';
import type { Second } from '../api/types';
import { clip, endOf, parted, stepFor, stretchesOf, tilesOf } from './window';

const second = (at: number): Second => ({
  second: at, users: 2, scheduled: 10, dropped: 0, unconnected: 0, sent: 10, resent: 0, ok: 9, failed: 1, unfinished: 0, bytes: 5,
  causes: [['reset', 1]], latency: [[80, 9]], latency_failed: [[90, 1]], lag: [], user_time_us: 0, read_delay_us: 0, unstamped: 0,
});

it('takes the step that the width has room for', () => {
  expect([1, 240, 241, 3_600, 86_400, 30 * 86_400].map((length) => stepFor(length, 240))).toEqual([1, 1, 2, 30, 600, 21_600]);
  expect(stepFor(900 * 86_400, 240)).toBe(4 * 86_400);
});

it('covers a window with tiles that are the same for windows beside it', () => {
  expect(tilesOf(130, 350, 1, 86_400)).toEqual([{ from: 120, to: 240, step: 1 }, { from: 240, to: 360, step: 1 }]);
  expect(tilesOf(150, 240, 1, 86_400)).toEqual([{ from: 120, to: 240, step: 1 }]);
  expect(tilesOf(0, 1_000, 10, 700)).toEqual([{ from: 0, to: 1_200, step: 10 }]);
  expect(tilesOf(10, 10, 1, 100)).toHaveLength(1);
});

it('makes stretches of seconds, as long as what was stored', () => {
  const made = stretchesOf([second(0), second(5), second(21_600)], 5);
  expect(made.map((one) => [one.from, one.length])).toEqual([[0, 5], [5, 5], [21_600, 10]]);
  expect(made[0]?.latency.count).toBe(9);
  expect(made[0]?.causes.get('reset')).toBe(1);
  expect(endOf(made)).toBe(21_610);
  expect(endOf([])).toBe(0);
  const short = stretchesOf([second(0), second(26), second(21_600), second(21_630)], 26, 21_612);
  expect(short.map((one) => [one.from, one.length])).toEqual([[0, 26], [26, 26], [21_600, 12]]);
  expect(clip(made, 5, 10).map((one) => one.from)).toEqual([5]);
  expect(clip(made, 4, 6).map((one) => one.from)).toEqual([0, 5]);
});

it('parts a run that goes on long behind what is told now, at a border of its stretches', () => {
  expect([0, 1_799].map(parted)).toEqual([{ until: 0, step: 1 }, { until: 0, step: 1 }]);
  for (const second of [1_800, 3_601, 21_600, 86_399, 7 * 86_400, 40 * 86_400]) {
    const { until, step } = parted(second);
    expect(until % step).toBe(0);
    expect(second - until).toBeGreaterThanOrEqual(600);
    expect(second - until).toBeLessThan(600 + step);
    expect(until / step).toBeLessThanOrEqual(600);
  }
});
