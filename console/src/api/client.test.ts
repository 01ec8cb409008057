import { expect, it } from 'vitest';
import { read } from './client';

it('reads all faults of a body', () => {
  const error = read(
    400,
    '"INVALID_REQUEST_BODY: testName: must have 3 to 255 characters, not 1; testScenario.scenarios.s.requests[0].url: must begin with http:// or https://"',
  );
  expect(error.code).toBe('INVALID_REQUEST_BODY');
  expect(error.faults).toEqual([
    { path: 'testName', message: 'must have 3 to 255 characters, not 1' },
    { path: 'testScenario.scenarios.s.requests[0].url', message: 'must begin with http:// or https://' },
  ]);
});

it('reads a gateway\'s object, a plain sentence and nothing', () => {
  expect(read(403, '{"message":"no such path"}').message).toBe('no such path');
  expect(read(409, '"TEST_RUNNING: it runs"').message).toBe('it runs');
  expect(read(502, '').message).toContain('502');
});
