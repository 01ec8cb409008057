import { expect, it } from 'vitest';
import type { ScenarioItem } from '../api/types';
import { lately } from './lately';

type Row = Pick<ScenarioItem, 'status' | 'startTime' | 'last_run'> & { name: string };
const row = (name: string, status: string, startTime: string, word?: string): Row =>
  ({ name, status, startTime, ...(word ? { last_run: { run_id: name, word, at: startTime || '2026-11-28 02:00:00' } } : {}) }) as Row;

it('shows what failed first, then the newest, and nothing that runs or never ran', () => {
  const rows = [
    row('old', 'complete', '2026-11-01 10:00:00', 'passed'),
    row('new', 'complete', '2026-11-29 10:00:00', 'finished'),
    // Scheduled anew, it has no start; what its last run came to is known.
    row('nightly', 'scheduled', '', 'failed'),
    row('half', 'complete', '2026-11-02 10:00:00', 'incomplete'),
    row('runs', 'running', '2026-11-29 11:00:00', 'failed'),
    row('never', 'scheduled', ''),
    // Stored by an older dlt: its status alone is known.
    row('before', 'failed', '2026-11-03 10:00:00'),
  ];
  expect(lately(rows, 9).map((one) => one.name)).toEqual(['nightly', 'before', 'half', 'new', 'old']);
  expect(lately(rows, 2).map((one) => one.name)).toEqual(['nightly', 'before']);
});
