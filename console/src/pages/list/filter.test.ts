import { expect, it } from 'vitest';
import type { ScenarioItem } from '../../api/types';
import { fromText, matches, NOTHING, optionsOf, toText, type Query } from './filter';

const item = (rest: Partial<ScenarioItem> = {}): ScenarioItem => ({
  testId: 'abcdefghij',
  testName: 'Shop, steady',
  testDescription: 'of the shop',
  status: 'complete',
  startTime: '2026-11-28 20:00:00',
  nextRun: '',
  scheduleRecurrence: '',
  cronValue: '',
  scheduleTimezone: 'UTC',
  tags: ['shop', 'weekly'],
  totalTestRuns: 3,
  last_run: { run_id: 'r', word: 'failed', trust: 'degraded', p95_us: 10, at: '2026-11-28 20:00:00' },
  ...rest,
});
const one = (propertyKey: string | undefined, operator: string, value: string): Query => ({ tokens: [{ ...(propertyKey ? { propertyKey } : {}), operator, value }], operation: 'and' });

it('goes into an address and comes back, whatever the text', () => {
  const query: Query = {
    operation: 'or',
    tokens: [
      { propertyKey: 'name', operator: ':', value: 'a,b=c & "d" ü' },
      { operator: '!:', value: '<img onerror=1>' },
    ],
  };
  expect(fromText(toText(query))).toEqual(query);
  expect(toText(NOTHING)).toBe('');
  expect(fromText('')).toEqual(NOTHING);
});

it('leaves out what it cannot read', () => {
  expect(fromText('nonsense,owner=me,status=failed,name:%E0%A4%A').tokens).toEqual([
    { propertyKey: 'status', operator: '=', value: 'failed' },
    { propertyKey: 'name', operator: ':', value: '%E0%A4%A' },
  ]);
});

it('keeps the rows that are meant', () => {
  expect(matches(item(), NOTHING)).toBe(true);
  expect(matches(item(), one('tag', '=', 'shop'))).toBe(true);
  expect(matches(item(), one('tag', '!=', 'shop'))).toBe(false);
  expect(matches(item(), one('result', '=', 'failed'))).toBe(true);
  expect(matches(item({ last_run: undefined, totalTestRuns: 0 } as Partial<ScenarioItem>), one('result', '=', 'never ran'))).toBe(true);
  expect(matches(item(), one('trust', '=', 'degraded'))).toBe(true);
  expect(matches(item({ nextRun: '2027-01-01 00:00:00', cronValue: '0 0 * * *' }), one('schedule', '=', 'cron'))).toBe(true);
  expect(matches(item(), one(undefined, ':', 'STEADY'))).toBe(true);
  expect(matches(item(), { operation: 'and', tokens: [...one('tag', '=', 'shop').tokens, ...one('status', '=', 'failed').tokens] })).toBe(false);
  expect(matches(item(), { operation: 'or', tokens: [...one('tag', '=', 'shop').tokens, ...one('status', '=', 'failed').tokens] })).toBe(true);
});

it('offers each value once', () => {
  expect(optionsOf([item(), item()]).filter((row) => row.propertyKey === 'tag')).toEqual([
    { propertyKey: 'tag', value: 'shop' },
    { propertyKey: 'tag', value: 'weekly' },
  ]);
});
