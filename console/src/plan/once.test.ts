import { expect, it } from 'vitest';
import { emptyDraft } from './draft';
import { checksOf, filesOf, isOfRequests, missingFiles, onceBody, triedPart } from './once';

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

it('knows which files are read, wherever they are named, and which are not here', () => {
  expect(filesOf(draft())).toEqual([]);
  const main = {
    'data-sources': [{ path: 'people.csv' }, 'more.csv'],
    tls: { 'ca-file': 'ca.pem', 'cert-file': 'me.pem', 'key-file': 'me.key' },
    requests: ['/', { url: '/a', 'body-file': 'cart.json' }, { url: '/b', 'upload-files': [{ param: 'p', path: 'p.jpg' }, { param: 'q', path: 'people.csv' }] }],
  };
  const reads = { testScenario: { scenarios: { main, other: { 'data-sources': [{ path: 'not-tried.csv' }] } } } };
  expect(filesOf(reads)).toEqual(['people.csv', 'more.csv', 'ca.pem', 'me.pem', 'me.key', 'cart.json', 'p.jpg']);
  expect(missingFiles(reads, ['people.csv', 'ca.pem', 'me.pem', 'me.key', 'p.jpg', 'unread.csv'].map((name) => ({ name })))).toEqual(['more.csv', 'cart.json']);
  // What is sent to a target is no field.
  for (const sent of [{ body: '{"body-file":1}' }, { body: { 'body-file': 'x' } }, { headers: { 'key-file': 'x' } }, { body: { 'data-sources': [{ path: 'x' }] } }]) {
    expect(filesOf({ testScenario: { scenarios: { main: { requests: [{ url: 'http://a', ...sent }] } } } })).toEqual([]);
  }
});

it('knows what was changed since, and which checks a step has', () => {
  const other = draft();
  other.thresholds = [];
  expect(triedPart(other)).toBe(triedPart(draft()));
  other.testScenario.scenarios.buy.requests.push('/more');
  expect(triedPart(other)).not.toBe(triedPart(draft()));
  expect([checksOf(draft(), 'home'), checksOf(draft(), 'GET /cart')]).toEqual([2, 0]);
  expect(isOfRequests('testScenario.scenarios.buy.requests[0].url', ['testScenario', 'scenarios', 'buy'])).toBe(true);
  expect(isOfRequests('keep_exchanges', ['testScenario', 'scenarios', 'buy'])).toBe(false);
});
