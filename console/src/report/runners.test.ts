import { expect, it } from 'vitest';
import type { Runner, Second } from '../api/types';
import { highest, readDelay, secondsOf, statesOf } from './runners';

const runner = (name: string, rest: Partial<Runner> = {}): Runner => ({ runner: name, region: 'r', state: 'finished', ...rest });

it('counts states, and finds the highest', () => {
  const rows = [
    runner('idle'),
    runner('quick', { lag_p99_us: 10 }),
    runner('slow', { lag_p99_us: 900 }),
    runner('late', { state: 'lagging' }),
    runner('gone', { state: 'lost', lost: 'not heard for 10 s' }),
  ];
  expect(statesOf(rows)).toEqual([['finished', 3], ['lagging', 1], ['lost', 1]]);
  expect(highest(rows, (row) => row.lag_p99_us)).toMatchObject({ value: 900, row: { runner: 'slow' } });
  expect(highest(rows, (row) => row.cpu_pct)).toBeNull();
});

it('adds the read delay before it divides', () => {
  const second = (user_time_us: number, read_delay_us: number) => ({ user_time_us, read_delay_us }) as Second;
  expect(readDelay([second(1_000, 500), second(9_000, 0)])).toBe(0.05);
  expect(readDelay([second(0, 0)])).toBeNull();
});

it('has no seconds without a timeline', () => {
  const second = { second: 1 } as Second;
  expect(secondsOf({ total: [second] })).toEqual([second]);
  expect(secondsOf(null)).toEqual([]);
});
