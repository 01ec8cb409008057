import { expect, it } from 'vitest';
import { onceSentence } from './once';

it('says what was requested once, and what failed', () => {
  expect(onceSentence({})).toBeNull();
  expect(onceSentence({ setup: { requests: 1, took_us: 7_500 } })).toEqual({ text: 'In no number: 1 request of setup in 7.50 ms.', failures: [] });
  expect(onceSentence({ setup: { requests: 2, took_us: 2_000_000 }, teardown: { requests: 0, took_us: 12, failure: 'DELETE /cart: 503' } })).toEqual({
    text: 'In no number: 2 requests of setup in 2.00 s, 0 requests of teardown in 12.0 µs, which failed.',
    failures: ['DELETE /cart: 503'],
  });
});
