import { expect, it } from 'vitest';
import type { Runner } from '../api/types';
import { fullness, worstFirst } from './runners';

const runner = (name: string, rest: Partial<Runner> = {}): Runner => ({ runner: name, region: 'r', state: 'finished', ...rest });

it('has the worst first: lost ones, late ones, then by lag and memory', () => {
  const rows = [
    runner('idle'),
    runner('quick', { lag_p99_us: 10 }),
    runner('slow', { lag_p99_us: 900 }),
    runner('full', { memory_bytes: 9, memory_limit_bytes: 10 }),
    runner('late', { state: 'lagging' }),
    runner('gone', { state: 'lost', lost: 'not heard for 10 s' }),
  ];
  expect(worstFirst(rows).map((row) => row.runner)).toEqual(['gone', 'late', 'slow', 'quick', 'full', 'idle']);
  expect(rows.map(fullness)).toEqual([null, null, null, 0.9, null, null]);
});
