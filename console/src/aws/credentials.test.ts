import { afterEach, expect, it, vi } from 'vitest';
import { CredentialCache } from './credentials';
import { EXPORTS, json } from './fixtures';

const NOW = 1_700_000_000_000;
afterEach(() => vi.unstubAllGlobals());

interface Call {
  action: string;
  body: { IdentityId?: string; IdentityPoolId?: string; Logins: Record<string, string> };
}

/** An identity pool, and what it was asked. */
function pool(answer?: (call: Call) => Response | undefined): Call[] {
  const calls: Call[] = [];
  vi.stubGlobal('fetch', async (url: string, init: RequestInit) => {
    expect(url).toBe('https://cognito-identity.eu-west-1.amazonaws.com/');
    const headers = init.headers as Record<string, string>;
    expect(headers['Content-Type']).toBe('application/x-amz-json-1.1');
    const action = String(headers['X-Amz-Target']).replace('AWSCognitoIdentityService.', '');
    const call: Call = { action, body: JSON.parse(String(init.body)) as Call['body'] };
    calls.push(call);
    await Promise.resolve();
    const other = answer?.(call);
    if (other) return other;
    if (action === 'GetId') return json({ IdentityId: 'eu-west-1:id' });
    const n = calls.filter((one) => one.action === 'GetCredentialsForIdentity').length;
    return json({
      IdentityId: 'eu-west-1:id',
      Credentials: { AccessKeyId: `AK${n}`, SecretKey: 'secret', SessionToken: 'session', Expiration: NOW / 1000 + n * 3600 },
    });
  });
  return calls;
}

it('fetches them once for all who wait, and again shortly before they end', async () => {
  const calls = pool();
  let now = NOW;
  const idToken = vi.fn(() => Promise.resolve('id-token'));
  const cache = new CredentialCache(EXPORTS, idToken, () => now);
  const [a, b] = await Promise.all([cache.get(), cache.get()]);
  expect(a).toBe(b);
  expect(a).toEqual({ accessKeyId: 'AK1', secretAccessKey: 'secret', sessionToken: 'session', until: NOW + 3_600_000 });
  expect(calls.map((call) => call.action)).toEqual(['GetId', 'GetCredentialsForIdentity']);
  const Logins = { 'cognito-idp.eu-west-1.amazonaws.com/eu-west-1_AbCdEf123': 'id-token' };
  expect(calls.map((call) => call.body)).toEqual([
    { IdentityPoolId: EXPORTS.identityPoolId, Logins },
    { IdentityId: 'eu-west-1:id', Logins },
  ]);
  now += 54 * 60_000;
  expect(await cache.get()).toBe(a);
  now += 60_000;
  expect((await cache.get()).accessKeyId).toBe('AK2');
  // Who the user is was known.
  expect(calls).toHaveLength(3);
});

it('fetches new ones when AWS refused them, but not again for the next who was refused', async () => {
  const calls = pool();
  const cache = new CredentialCache(EXPORTS, () => Promise.resolve('t'), () => NOW);
  const first = await cache.get();
  const second = await cache.get(first);
  expect(second.accessKeyId).toBe('AK2');
  expect(await cache.get(first)).toBe(second);
  expect(calls).toHaveLength(3);
});

it('asks once more with a fresh token where the last one is not taken', async () => {
  const seen: (boolean | undefined)[] = [];
  pool((call) =>
    Object.values(call.body.Logins)[0] === 'old' ? json({ __type: 'NotAuthorizedException', message: 'Invalid login token. Token expired: 1 >= 0' }, 400) : undefined,
  );
  const cache = new CredentialCache(EXPORTS, (isRefused) => {
    seen.push(isRefused);
    return Promise.resolve(isRefused ? 'new' : 'old');
  }, () => NOW);
  expect((await cache.get()).accessKeyId).toBe('AK1');
  expect(seen).toEqual([undefined, true]);
});

it('says what to do of a user without a group, of haste and of silence', async () => {
  const cache = () => new CredentialCache(EXPORTS, () => Promise.resolve('t'), () => NOW).get();
  pool(() => json({ __type: 'NotAuthorizedException', message: 'Access denied: no role' }, 400));
  await expect(cache()).rejects.toMatchObject({ status: 403, message: expect.stringMatching(/no rights \(Access denied: no role\)\. .*group readers or writers/) });
  pool(() => json({ __type: 'TooManyRequestsException', message: 'slow down' }, 400));
  await expect(cache()).rejects.toMatchObject({ status: 429 });
  pool(() => new Response('', { status: 503 }));
  await expect(cache()).rejects.toMatchObject({ status: 503, message: expect.stringContaining('Try again') });
  vi.stubGlobal('fetch', () => Promise.reject(new TypeError('offline')));
  await expect(cache()).rejects.toMatchObject({ status: 0, message: expect.stringContaining('Check the connection') });
});

it('is not stuck after a failure', async () => {
  let isDown = true;
  pool(() => (isDown ? new Response('', { status: 500 }) : undefined));
  const cache = new CredentialCache(EXPORTS, () => Promise.resolve('t'), () => NOW);
  await expect(cache.get()).rejects.toThrow('500');
  isDown = false;
  expect((await cache.get()).secretAccessKey).toBe('secret');
});
