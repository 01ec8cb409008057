import { expect, it } from 'vitest';
import type { RunRecord } from '../api/types';
import { junit, xml } from './junit';

const record = (rest: Partial<RunRecord>): RunRecord =>
  ({
    testId: 'abcdefghij',
    testRunId: 'klmnopqrst',
    testName: 'shop <"&\u001b[31m',
    startTime: '2026-11-28 20:00:00',
    status: 'complete',
    ...rest,
  }) as RunRecord;

it('has a case a threshold', () => {
  const text = junit(
    record({
      outcome: {
        word: 'failed',
        passed: false,
        thresholds: [
          { expression: 'p(95)<200ms', observed: '166ms', passed: true },
          { expression: '<b>: error_rate<1%', observed: null, passed: false, reason: 'no such label' },
        ],
      },
    }),
  );
  expect(text).toContain('tests="3" failures="1" errors="0" skipped="0"');
  expect(text).toContain('name="shop &lt;&quot;&amp;\ufffd[31m"');
  expect(text).toContain('name="p(95)&lt;200ms" time="0"/>');
  expect(text).toContain('<failure message="observed nothing: no such label"/>');
  expect(text).toContain('timestamp="2026-11-28T20:00:00"');
});

it('judges the run itself where no threshold does', () => {
  const of = (word: 'passed' | 'failed' | 'finished' | 'incomplete' | 'cancelled') => junit(record({ outcome: { word, passed: null, thresholds: [], reason: 'so it is' } }));
  expect(of('finished')).toContain('failures="0" errors="0" skipped="0"');
  expect(of('failed')).toContain('<failure message="so it is"/>');
  expect(of('incomplete')).toContain('<error message="so it is"/>');
  expect(of('cancelled')).toContain('<skipped message="so it is"/>');
});

it('escapes all that XML lacks', () => {
  expect(xml('a\u0000\ud800b\n\t\'')).toBe('a\ufffd\ufffdb&#10;&#9;&apos;');
});
