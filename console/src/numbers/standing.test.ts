import { expect, it } from 'vitest';
import { standing } from './standing';

it('says how a run stands', () => {
  expect(standing({ word: 'passed', trust: 'trusted', p95Us: 165_887, ok: 1975, failed: 19 })).toBe(
    'Passed, trusted: 95 % of answers within 166 ms, 0.95 % failed.',
  );
  expect(standing({ word: 'finished', trust: 'degraded', p95Us: 7030, ok: 10, failed: 0 })).toBe(
    'Finished, degraded: 95 % of answers within 7.03 ms, none failed.',
  );
});

it('says so when there is nothing to tell', () => {
  expect(standing({ word: 'failed', trust: 'untrusted', p95Us: null, ok: 0, failed: 12 })).toBe(
    'Failed, untrusted: no request succeeded.',
  );
  expect(standing({ word: 'cancelled', ok: 0, failed: 0 })).toBe('Cancelled: no request was finished.');
  expect(standing({ status: 'running' })).toBe('Running.');
  expect(standing({})).toBe('Unknown.');
});
