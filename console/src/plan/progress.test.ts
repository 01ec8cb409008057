import { expect, it } from 'vitest';
import { countedEnd, progress } from './progress';

const now = { at: 6, whole: 3600, begun: 1200, rate: 200, isRunning: true, endsByCount: true, asked: 2000, mayRedirect: false };

it('tells when a number of requests may be made', () => {
  expect(progress(now)).toEqual({ part: 0.6, said: '1,200 of 2,000 requests in 0:06, about 4 s left' });
  expect(progress({ ...now, begun: 2000 }).said).toBe('2,000 of 2,000 requests in 0:06, waiting for the last answers');
  expect(progress({ ...now, isRunning: false }).said).toBe('1,200 of 2,000 requests in 0:06');
  // Nothing began lately: it may take as long as the plan allows.
  expect(progress({ ...now, rate: 0, whole: 10 })).toEqual({ part: 0.6, said: '1,200 of 2,000 requests in 0:06, about 4 s left' });
  expect(progress({ ...now, rate: 0, whole: 0 }).said).toBe('1,200 of 2,000 requests in 0:06');
  // The planned end comes first.
  expect(progress({ ...now, whole: 8 })).toEqual({ part: 0.75, said: '1,200 of 2,000 requests in 0:06, about 2 s left' });
  expect(progress({ ...now, begun: 2001, whole: 60 })).toEqual({ part: 0.1, said: '0:06 of at most 1:00' });
  expect(progress({ ...now, at: 0 })).toEqual({ part: 0, said: '' });
});

it('counts no more than is known where hops of redirects are among what began', () => {
  const led = { ...now, mayRedirect: true };
  expect(progress(led)).toEqual({ part: 0.6, said: 'at most 1,200 of 2,000 requests in 0:06, at least 4 s left' });
  expect(progress({ ...led, isRunning: false }).said).toBe('at most 1,200 of 2,000 requests in 0:06');
  // As many as were asked for, and some of them may be hops: there may be more to come.
  expect(progress({ ...led, begun: 2000 }).said).toBe('at most 2,000 of 2,000 requests in 0:06');
  expect(progress({ ...led, begun: 2001, whole: 60 })).toEqual({ part: 0.1, said: '0:06 of at most 1:00' });
});

it('knows where a redirect is followed', () => {
  const of = (scenario: unknown) => countedEnd({ execution: [], scenarios: { s: scenario } }, undefined).mayRedirect;
  expect([of({ requests: [{}] }), of({ requests: ['http://x/'] }), of({}), countedEnd(undefined, undefined).mayRedirect]).toEqual([true, true, true, true]);
  expect(of({ requests: [{ 'follow-redirects': false }, { 'max-redirects': 0 }] })).toBe(false);
  expect(of({ requests: [{ 'follow-redirects': false }, {}] })).toBe(true);
  expect(of({ 'follow-redirects': false, requests: [{}, { 'follow-redirects': true }] })).toBe(true);
  expect(of({ 'follow-redirects': false, requests: ['http://x/'] })).toBe(false);
});

it('tells the time where nobody counts', () => {
  expect(progress({ ...now, whole: 60, endsByCount: false, asked: undefined })).toEqual({ part: 0.1, said: '0:06 of 1:00, 54 s left' });
  expect(progress({ ...now, at: 60, whole: 60, endsByCount: false, asked: undefined }).said).toBe('1:00 of 1:00, waiting for the last answers');
  expect(progress({ ...now, whole: 0, asked: undefined }).said).toBe('0:06');
});

it('knows which loads are over after a number of requests', () => {
  const plan = (...execution: unknown[]) => ({ execution });
  expect(countedEnd(plan({ users: 2, 'total-requests': 9 }), undefined)).toEqual({ endsByCount: true, asked: 9, mayRedirect: true });
  expect(countedEnd(undefined, { model: 'closed', requests: 9 })).toEqual({ endsByCount: true, asked: 9, mayRedirect: true });
  expect(countedEnd(plan({ users: 2, iterations: 9 }), { model: 'closed' })).toEqual({ endsByCount: true, asked: undefined, mayRedirect: true });
  // Arrivals are planned, however many.
  expect(countedEnd(plan({ arrivals: 2, 'total-requests': 9 }), { model: 'open', requests: 9 })).toEqual({ endsByCount: false, asked: undefined, mayRedirect: true });
  expect(countedEnd(plan({ users: 2, 'hold-for': '9s' }), { model: 'closed' })).toEqual({ endsByCount: false, asked: undefined, mayRedirect: true });
});
