import { afterEach, expect, it, vi } from 'vitest';
import { ask, open, read, stream } from './client';
import { beside, setHome } from './home';

afterEach(() => {
  vi.unstubAllGlobals();
  vi.useRealTimers();
  setHome(beside);
});

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

/** A server that never answers; a browser ends such a call only when it is told to. */
function silent(_: string, { signal }: RequestInit): Promise<Response> {
  return new Promise((_, reject) => signal?.addEventListener('abort', () => reject(signal.reason as Error)));
}

/** What a call has come to: a message, or that it goes on. */
function outcome(call: Promise<unknown>) {
  const seen = { says: 'goes on' };
  call.then(
    () => (seen.says = 'answered'),
    (error: unknown) => (seen.says = error instanceof Error ? error.message : String(error)),
  );
  return seen;
}

it('waits 20 s for an answer, and says what that means for what was asked', async () => {
  vi.useFakeTimers();
  vi.stubGlobal('fetch', silent);
  const read = outcome(ask('/scenarios'));
  const changed = outcome(ask('/scenarios', { method: 'POST', body: {} }));
  const file = outcome(ask('/scenarios/a/files/x', { method: 'PUT', file: new Blob([new Uint8Array(1_250_000)]) }));
  await vi.advanceTimersByTimeAsync(19_900);
  expect([read.says, changed.says]).toEqual(['goes on', 'goes on']);
  await vi.advanceTimersByTimeAsync(200);
  expect(read.says).toMatch(/^No answer came within 20 s: .* Try again in a moment\.$/);
  expect(changed.says).toMatch(/may be done all the same: look before you try again\.$/);
  // A file takes the longer the larger it is.
  expect(file.says).toBe('goes on');
  await vi.advanceTimersByTimeAsync(10_000);
  expect(file.says).toContain('within 30 s');
  expect(vi.getTimerCount()).toBe(0);
});

it('counts the signature and the body, but not the body of a file that is fetched', async () => {
  vi.useFakeTimers();
  // A head, and a body that never ends.
  vi.stubGlobal('fetch', () => Promise.resolve(new Response(new ReadableStream())));
  const body = outcome(ask('/scenarios'));
  const opened = outcome(open('/openapi.json'));
  setHome({ ...beside, authorize: () => new Promise(() => undefined) });
  const signature = outcome(ask('/scenarios'));
  await vi.advanceTimersByTimeAsync(20_100);
  expect(body.says).toContain('within 20 s');
  expect(signature.says).toContain('within 20 s');
  expect(opened.says).toBe('answered');
});

it('has live data kept by no cache', async () => {
  const asked: RequestInit[] = [];
  vi.stubGlobal('fetch', (_: string, init: RequestInit) => {
    asked.push(init);
    return Promise.resolve(new Response('data: x\n\n'));
  });
  await stream('/scenarios/a/live', new AbortController().signal);
  expect(asked).toMatchObject([{ cache: 'no-store' }]);
});

it('leaves a call that its caller gave up as one that was given up', async () => {
  vi.useFakeTimers();
  vi.stubGlobal('fetch', silent);
  const gone = new AbortController();
  const call = ask('/scenarios', { signal: gone.signal });
  gone.abort();
  await expect(call).rejects.toMatchObject({ name: 'AbortError' });
  await expect(ask('/scenarios', { signal: gone.signal })).rejects.toMatchObject({ name: 'AbortError' });
  expect(vi.getTimerCount()).toBe(0);
});

it('says what to do when an answer breaks off', async () => {
  const broken = new ReadableStream({ start: (one) => one.error(new TypeError('network error')) });
  vi.stubGlobal('fetch', () => Promise.resolve(new Response(broken)));
  await expect(ask('/scenarios')).rejects.toThrow('start it with: dlt up');
});
