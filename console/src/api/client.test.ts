import { afterEach, expect, it, vi } from 'vitest';
import { ask, read } from './client';

afterEach(() => vi.unstubAllGlobals());

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

it("takes a gateway's sentence for no code, and a page for no API", async () => {
  const error = read(403, '{"Message":"User: arn:aws:x is not authorized"}');
  expect([error.code, error.message]).toEqual(['', 'User: arn:aws:x is not authorized']);
  vi.stubGlobal('fetch', () => Promise.resolve(new Response('<!doctype html>')));
  await expect(ask('/scenarios')).rejects.toThrow(/is not the API of dlt\. If this is a stack on AWS/);
});
