import { expect, it } from 'vitest';
import type { RunRecord } from '../api/types';
import { readData, titleOf } from './data';

const record = (rest: Partial<RunRecord>) => ({ testName: 'shop', testId: 'abcdefghij', status: 'complete', startTime: '2026-03-04 09:15:02', ...rest }) as RunRecord;

it('reads what the command wrote, and nothing else', () => {
  expect(readData(null)).toBeNull();
  expect(readData('')).toBeNull();
  expect(readData('{')).toBeNull();
  expect(readData('[]')).toBeNull();
  expect(readData('{"record":null}')).toBeNull();
  expect(readData('{"record":{"testId":"a\\u003cb\\u2028"}}')).toEqual({
    record: { testId: 'a<b\u2028' },
    timeline: null,
    step_s: 1,
    histogram_ok: null,
    histogram_failed: null,
    runners: [],
    baseline: null,
    made_at: '',
    version: '',
  });
});

it('does without parts of a timeline', () => {
  expect(readData('{"record":{},"timeline":{"format":2,"start_at_us":1}}')?.timeline).toEqual({ format: 2, start_at_us: 1, total: [], regions: {}, labels: [] });
});

it('has a title that may name a file', () => {
  expect(titleOf(record({ outcome: { word: 'passed', passed: true, thresholds: [] } }))).toBe('shop: PASSED, 2026-03-04');
  expect(titleOf(record({ testName: '', startTime: '' }))).toBe('abcdefghij: COMPLETE');
  expect(titleOf(record({ testName: '\u001b[31mred \u202egpj.exe\u2066' }))).toBe('[31mred gpj.exe: COMPLETE, 2026-03-04');
  expect(titleOf(record({ testName: '😀'.repeat(500) }))).toHaveLength(240 + ': COMPLETE, 2026-03-04'.length);
});
