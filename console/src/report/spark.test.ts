import { expect, it } from 'vitest';
import { middleUs } from '../numbers/coarse';
import { pathOf, sparkOf } from './spark';

it('adds histograms before it takes a percentile', () => {
  const seconds = Array.from({ length: 96 }, (_, second) => ({ second, latency: [second % 2 ? [160, 1] : [80, 99]] as [number, number][] }));
  const line = sparkOf(seconds, 96);
  expect(line).toHaveLength(48);
  // Of 100 answers one was slow: an average of two p95 would lie between.
  expect(new Set(line)).toEqual(new Set([middleUs(80)]));
});

it('leaves out what was not answered, and what lies beyond the end', () => {
  expect(sparkOf([{ second: 0, latency: [[80, 1]] }, { second: 9, latency: [[88, 1]] }], 3)).toEqual([middleUs(80), null, middleUs(88)]);
  expect(sparkOf([], 0)).toEqual([null]);
});

it('draws points, one and none', () => {
  expect(pathOf([1, null, 3], 100, 22)).toEqual({ path: 'M0.0 20.0L100.0 2.0', low: 1, high: 3 });
  expect(pathOf([5], 100, 22)?.path).toBe('M50.0 11.0h3');
  expect(pathOf([null], 100, 22)).toBeNull();
});
