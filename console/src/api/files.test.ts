import { afterEach, expect, it, vi } from 'vitest';
import { upload } from './files';
import { beside, setHome } from './home';

afterEach(() => {
  vi.unstubAllGlobals();
  setHome(beside);
});

const FILE = new File(['name\nanna\n'], 'people.csv', { type: 'text/csv' });

/** A server; answers what it was asked. */
function server(url: string, status = 200) {
  const calls: [string, string, unknown, unknown][] = [];
  vi.stubGlobal('fetch', (asked: string, init: RequestInit) => {
    calls.push([String(init.method), asked, init.headers, init.body]);
    const isPlace = init.method === 'POST';
    return Promise.resolve(isPlace ? new Response(JSON.stringify({ name: 'people.csv', key: 'k', url, method: 'PUT' })) : new Response('{}', { status }));
  });
  return calls;
}

it('sends a file to the API at home', async () => {
  const calls = server('/scenarios/a/files/people.csv');
  await upload('a', FILE);
  expect(calls).toEqual([
    ['POST', '/api/scenarios/a/files', { 'Content-Type': 'application/json' }, '{"name":"people.csv"}'],
    ['PUT', '/api/scenarios/a/files/people.csv', {}, FILE],
  ]);
});

it('sends it to the bucket on AWS, without a signature of ours', async () => {
  const link = 'https://bucket.s3.eu-west-1.amazonaws.com/public/a?X-Amz-Signature=1';
  setHome({ ...beside, base: 'https://api.example', authorize: (request) => Promise.resolve({ ...request, headers: { ...request.headers, authorization: 'mine' } }) });
  const calls = server(link);
  await upload('a', FILE);
  expect(calls[0]?.slice(0, 3)).toEqual(['POST', 'https://api.example/scenarios/a/files', { 'Content-Type': 'application/json', authorization: 'mine' }]);
  expect(calls[1]).toEqual(['PUT', link, undefined, FILE]);
});

it('says why a file was not stored, without the address that may write there', async () => {
  server('https://bucket.s3.eu-west-1.amazonaws.com/public/a?X-Amz-Signature=1', 403);
  const error = await upload('a', FILE).catch((found: unknown) => found);
  expect(error).toMatchObject({ status: 403, message: 'people.csv was not stored: its bucket answered 403. Check the connection, then choose the file again.' });
});
