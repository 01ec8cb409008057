import { expect, it } from 'vitest';
import { completed, faultsAt, get, set } from './draft';

const draft = { testName: 'a', 'x-note': { kept: true }, testTaskConfigs: [{ region: 'r', taskCount: 3 }], testScenario: { execution: [{ users: 10, odd: 1 }] } };

it('changes by path, and keeps what it does not know', () => {
  const next = set(draft, ['testScenario', 'execution', 0, 'hold-for'], '30s');
  expect(next).toEqual({ ...draft, testScenario: { execution: [{ users: 10, odd: 1, 'hold-for': '30s' }] } });
  expect(draft.testScenario.execution[0]).not.toHaveProperty('hold-for');
  expect(get(set(next, ['testScenario', 'execution', 0, 'odd'], undefined), ['testScenario', 'execution', 0])).toEqual({ users: 10, 'hold-for': '30s' });
  expect(get(set(draft, ['testScenario', 'scenarios', 'main', 'requests', 0, 'url'], 'u'), ['testScenario', 'scenarios'])).toEqual({ main: { requests: [{ url: 'u' }] } });
});

it('completes what people leave out', () => {
  const done = completed({ ...draft, testName: 'shop' });
  expect(done['testDescription']).toBe('shop');
  expect(done['testTaskConfigs']).toEqual([{ region: 'r', taskCount: 3, concurrency: 4 }]);
});

it('finds the faults of a field', () => {
  const faults = [
    { path: 'testScenario.scenarios.main.requests[0].url', message: 'must begin with http' },
    { path: 'testName', message: 'is missing' },
  ];
  expect(faultsAt(faults, ['testName'])).toBe('is missing');
  expect(faultsAt(faults, ['testScenario', 'scenarios', 'main', 'requests', 0, 'url'])).toBe('must begin with http');
  expect(faultsAt(faults, ['testScenario', 'scenarios', 'main'])).toBe('requests.0.url: must begin with http');
  expect(faultsAt(faults, ['testScenario', 'scenarios', 'main'], false)).toBe('');
});
