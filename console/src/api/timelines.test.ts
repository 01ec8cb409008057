import { expect, it } from 'vitest';
import { chunks } from './timelines';

it('asks for labels in addresses that are short enough', () => {
  expect(chunks([])).toEqual([]);
  expect(chunks(['a', 'b'])).toEqual([['a', 'b']]);
  const long = Array.from({ length: 40 }, (_, n) => `${n}`.padEnd(255, 'x'));
  const parts = chunks(long);
  expect(parts.flat()).toEqual(long);
  expect(Math.max(...parts.map((part) => part.length))).toBe(15);
});
