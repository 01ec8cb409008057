import { expect, it } from 'vitest';
import { emptyDraft } from './draft';
import { checksOf, isOfRequests, namesFiles, onceBody, triedPart } from './once';

const draft = () => ({
  ...emptyDraft('eu-west-1'),
  testName: 'shop',
  thresholds: ['p(95)<1s'],
  cronValue: '0 2 * * *',
  testScenario: {
    execution: [{ scenario: 'buy', arrivals: 200, stages: [{ target: 9, duration: '1h' }], dns: { policy: 'v4' }, 'hold-for': '1h' }, { scenario: 'look', users: 5 }],
    scenarios: {
      buy: { 'default-address': 'http://a', requests: [{ url: '/', label: 'home', assert: [{ contains: ['x'] }, { contains: ['y'] }] }, '/cart'] },
      look: { requests: ['http://b'] },
    },
    modules: { x: 1 },
  },
});

it('runs the shown scenario once, from one runner, and is no scenario of the list', () => {
  const body = onceBody(draft(), 'eu-west-1', { 'eu-west-1': { dltAvailableTasks: 4 } });
  expect(body).toMatchObject({
    testName: 'Try of shop', oneOff: true, keep_exchanges: 'all', thresholds: null,
    testTaskConfigs: [{ region: 'eu-west-1', taskCount: 1, concurrency: 1 }],
    regionalTaskDetails: { 'eu-west-1': { dltAvailableTasks: 4 } },
  });
  expect(body['testScenario']).toEqual({
    execution: [{ scenario: 'buy', concurrency: 1, 'ramp-up': '0s', 'hold-for': '5m', iterations: 1, dns: { policy: 'v4' } }],
    scenarios: { buy: draft().testScenario.scenarios.buy },
    modules: { x: 1 },
  });
  expect(Object.keys(body)).not.toContain('testId');
  expect(Object.keys(body)).not.toContain('cronValue');
  expect(onceBody(draft(), 'r', {}, { known: 'earlier' })['testId']).toBe('earlier');
  expect(onceBody(emptyDraft('r'), 'r', {})['testName']).toBe('Try of a draft');
  // Placeholders of a kept scenario stand for its secrets.
  expect(onceBody(draft(), 'r', {}, { kept: 'shop' })['secretsOf']).toBe('shop');
  expect(onceBody(draft(), 'r', {})).not.toHaveProperty('secretsOf');
});

it('knows what was changed since, which checks a step has, and whether it reads files', () => {
  const other = draft();
  other.thresholds = [];
  expect(triedPart(other)).toBe(triedPart(draft()));
  other.testScenario.scenarios.buy.requests.push('/more');
  expect(triedPart(other)).not.toBe(triedPart(draft()));
  expect([checksOf(draft(), 'home'), checksOf(draft(), 'GET /cart')]).toEqual([2, 0]);
  expect(namesFiles(draft())).toBe(false);
  expect(namesFiles({ testScenario: { scenarios: { main: { requests: [], 'data-sources': [{ path: 'a.csv' }] } } } })).toBe(true);
  // A text is no field.
  expect(namesFiles({ testScenario: { scenarios: { main: { requests: [{ url: 'http://a', body: '{"body-file":1}' }] } } } })).toBe(false);
  expect(isOfRequests('testScenario.scenarios.buy.requests[0].url', ['testScenario', 'scenarios', 'buy'])).toBe(true);
  expect(isOfRequests('keep_exchanges', ['testScenario', 'scenarios', 'buy'])).toBe(false);
});
