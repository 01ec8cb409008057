import { expect, it } from 'vitest';
import type { Second } from '../api/types';
import type { ReportRunner } from './data';
import { fullness, highest, readDelay, secondsOf, statesOf, worstFirst } from './runners';

const runner = (name: string, rest: Partial<ReportRunner> = {}): ReportRunner => ({ runner: name, region: 'r', state: 'finished', ...rest });

it('has the worst first', () => {
  const rows = [
    runner('idle'),
    runner('quick', { lag_p99_us: 10 }),
    runner('slow', { lag_p99_us: 900 }),
    runner('full', { memory_bytes: 9, memory_limit_bytes: 10 }),
    runner('late', { state: 'lagging' }),
    runner('gone', { lost: 'not heard for 10 s' }),
  ];
  expect(worstFirst(rows).map((row) => row.runner)).toEqual(['gone', 'late', 'slow', 'quick', 'full', 'idle']);
  expect(statesOf(rows)).toEqual([['finished', 4], ['lagging', 1], ['lost', 1]]);
  expect(highest(rows, (row) => row.lag_p99_us)).toMatchObject({ value: 900, row: { runner: 'slow' } });
  expect(highest(rows, (row) => row.cpu_pct)).toBeNull();
  expect(rows.map(fullness)).toEqual([null, null, null, 0.9, null, null]);
});

it('adds the read delay before it divides', () => {
  const second = (user_time_us: number, read_delay_us: number) => ({ user_time_us, read_delay_us }) as Second;
  expect(readDelay([second(1_000, 500), second(9_000, 0)])).toBe(0.05);
  expect(readDelay([second(0, 0)])).toBeNull();
});

it('takes the total where there is one', () => {
  const [a, b] = [{ second: 1 } as Second, { second: 2 } as Second];
  expect(secondsOf({ total: [a], regions: { x: [b] } })).toEqual([a]);
  expect(secondsOf({ total: [], regions: { x: [b], y: [a] } })).toEqual([b, a]);
  expect(secondsOf(null)).toEqual([]);
});
