import { expect, it } from 'vitest';
import { movedCursor, stepOfKey, stepped } from './window';

it('steps through a run', () => {
  expect(stepped({}, 400, 'in')).toEqual({ from: 100, to: 300 });
  expect(stepped({ from: 100, to: 300 }, 400, 'out')).toBeNull();
  expect(stepped({ from: 100, to: 200 }, 400, 'later')).toEqual({ from: 150, to: 250 });
  expect(stepped({ from: 350, to: 390 }, 400, 'later')).toEqual({ from: 360, to: 400 });
  expect(stepped({ from: 10, to: 50 }, 400, 'earlier')).toEqual({ from: 0, to: 40 });
  expect(stepped({ from: 10, to: 13 }, 400, 'in')).toEqual({ from: 10, to: 13 });
  expect(stepped({ from: 10, to: 13 }, 400, 'all')).toBeNull();
});

it('knows its keys', () => {
  expect(['+', '-', '0', 'Escape', 'a', 'ArrowLeft'].map((key) => stepOfKey(key, false))).toEqual(['in', 'out', 'all', 'all', null, null]);
  expect(['ArrowLeft', 'ArrowRight', 'Tab'].map((key) => stepOfKey(key, true))).toEqual(['earlier', 'later', null]);
});

it('moves the cursor within the points', () => {
  expect(['ArrowLeft', 'ArrowRight', 'Home', 'End', 'PageUp', 'x'].map((key) => movedCursor(key, 1, 5))).toEqual([0, 2, 0, 4, 0, null]);
  expect(movedCursor('ArrowRight', null, 5)).toBe(4);
  expect(movedCursor('ArrowLeft', null, 5)).toBe(3);
  expect(movedCursor('ArrowLeft', null, 0)).toBeNull();
});
