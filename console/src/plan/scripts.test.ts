import { expect, it } from 'vitest';
import { emptyDraft, get } from './draft';
import { asKind, fileFault, kindOf, scriptOf, withScript } from './scripts';

it('turns a draft into a script and back, and keeps what is common', () => {
  const draft = { ...emptyDraft('lo-home-1'), testName: 'shop', thresholds: ['p(95)<1s'] };
  const script = withScript(asKind(draft, 'k6'), 'shop.js');
  expect(script).toMatchObject({ testName: 'shop', testType: 'k6', fileType: 'script', thresholds: ['p(95)<1s'] });
  expect(script['testScenario']).toEqual({ execution: [{ scenario: 'main', users: 10, 'ramp-up': '0s', 'hold-for': '30s', executor: 'k6' }], scenarios: { main: { script: 'shop.js' } } });
  expect([kindOf(script), scriptOf(script)]).toEqual(['k6', 'shop.js']);
  expect(withScript(script, 'shop.ZIP')['fileType']).toBe('zip');
  const back = asKind(script, 'simple');
  expect(back).toMatchObject({ testType: 'simple', fileType: 'none' });
  expect(get(back, ['testScenario', 'scenarios', 'main'])).toEqual({ requests: [] });
  expect(get(back, ['testScenario', 'execution', 0, 'executor'])).toBeUndefined();
});

it('says what is wrong with a file', () => {
  expect(fileFault('jmeter', 'shop.JMX', 10)).toBe('');
  expect(fileFault('locust', 'shop.zip', 10)).toBe('');
  expect(fileFault('k6', 'shop.py', 10)).toBe('k6 takes a file that ends with .js, .ts, .mjs or .zip: choose another.');
  expect(fileFault('k6', 'shop.js', 0)).toContain('empty');
});
