import { expect, it } from 'vitest';
import { exportsBeside } from './start';

const asked = (body: string, status = 200) => exportsBeside(() => Promise.resolve(new Response(body, { status })));

it('is at home where there is no such file, however that is said', async () => {
  expect(await asked('"no such path"', 403)).toBeUndefined();
  expect(await asked('', 404)).toBeUndefined();
  expect(await asked('<!doctype html><html></html>')).toBeUndefined();
  expect(await asked('no JSON')).toBeUndefined();
});

it('is on AWS where a stack wrote one', async () => {
  expect(await asked('{"UserPoolId":"a"}')).toEqual({ UserPoolId: 'a' });
});

it('does not take a failure for a home', async () => {
  await expect(asked('', 503)).rejects.toThrow('answered 503. Try again');
  await expect(exportsBeside(() => Promise.reject(new TypeError('offline')))).rejects.toThrow('Check the connection');
});
