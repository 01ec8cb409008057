import { expect, it } from 'vitest';
import { worstFirst } from './worst';

it('puts lost runners first, then late ones', () => {
  const at = { region: 'lo-home-1' };
  const rows = [
    { ...at, runner: 'a', state: 'finished' },
    { ...at, runner: 'b', state: 'finished', lag_p99_us: 900 },
    { ...at, runner: 'c', state: 'lost', lost: 'It was not heard.' },
    { ...at, runner: 'd', state: 'lagging', lag_p99_us: 1 },
    { ...at, runner: 'e', state: 'finished', memory_bytes: 9, memory_limit_bytes: 10 },
  ];
  expect(worstFirst(rows).map((row) => row.runner).join('')).toBe('cdbea');
});
