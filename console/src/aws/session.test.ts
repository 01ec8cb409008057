// Against an OIDC server of the test's own, which checks what Cognito's checks: the code,
// the client, the address of the page, and the verifier of PKCE by S256.
import { createHash } from 'node:crypto';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { ApiError } from '../api/client';
import { EXPORTS, json, jwt, storage } from './fixtures';
import { Session, SignInFailed } from './session';

const PAGE = 'https://d1.cloudfront.net';
const NOW = Date.now();

class Server {
  challenge = '';
  refreshed = 0;
  asked: URLSearchParams[] = [];
  answer: ((form: URLSearchParams) => Response) | undefined;
  lasts = 3600;

  /** The user fills in the form; answers where the browser is sent. */
  signIn(address: string, code = 'code-1'): string {
    const url = new URL(address);
    expect(`${url.origin}${url.pathname}`).toBe('https://dlt-1.auth.eu-west-1.amazoncognito.com/oauth2/authorize');
    const query = url.searchParams;
    expect(query.get('response_type')).toBe('code');
    expect(query.get('client_id')).toBe('4client');
    expect(query.get('redirect_uri')).toBe(PAGE);
    expect(query.get('scope')).toBe('openid email profile');
    expect(query.get('code_challenge_method')).toBe('S256');
    this.challenge = query.get('code_challenge') ?? '';
    return `${PAGE}/?code=${code}&state=${query.get('state')}`;
  }

  token(form: URLSearchParams): Response {
    this.asked.push(form);
    if (this.answer) return this.answer(form);
    const exp = Math.floor(NOW / 1000) + this.lasts;
    const id_token = jwt({ sub: 'user-1', email: 'a@example.com', iss: 'x', aud: '4client', exp, n: this.refreshed });
    const tokens = { id_token, access_token: 'access', expires_in: this.lasts, token_type: 'Bearer' };
    if (form.get('grant_type') === 'refresh_token') {
      if (form.get('refresh_token') !== 'refresh-1') return json({ error: 'invalid_grant' }, 400);
      this.refreshed += 1;
      return json({ ...tokens, id_token: jwt({ sub: 'user-1', email: 'a@example.com', exp, n: this.refreshed }) });
    }
    const verifier = form.get('code_verifier') ?? '';
    const isProven = createHash('sha256').update(verifier).digest('base64url') === this.challenge;
    if (form.get('code') !== 'code-1' || form.get('redirect_uri') !== PAGE || !isProven) return json({ error: 'invalid_grant' }, 400);
    return json({ ...tokens, refresh_token: 'refresh-1' });
  }
}

let server: Server;
beforeEach(() => {
  server = new Server();
  vi.stubGlobal('fetch', (url: string, init: RequestInit) => {
    expect(url).toBe('https://dlt-1.auth.eu-west-1.amazoncognito.com/oauth2/token');
    return Promise.resolve(server.token(new URLSearchParams(init.body as URLSearchParams)));
  });
});
afterEach(() => vi.unstubAllGlobals());

async function signedIn(store = storage(), now = () => NOW): Promise<Session> {
  const session = new Session(EXPORTS, PAGE, store, now);
  await session.finish(server.signIn(await session.signInAddress('#/scenarios/a')));
  return session;
}

it('signs in by code and PKCE, and remembers where the user wanted to go', async () => {
  const store = storage();
  const before = new Session(EXPORTS, PAGE, store);
  const address = await before.signInAddress('#/scenarios/a?x=1');
  expect(address).not.toContain('scenarios');
  // The browser went away and came back: another page, the same storage.
  const after = new Session(EXPORTS, PAGE, store);
  expect(after.isSignedIn).toBe(false);
  expect(await after.finish(server.signIn(address))).toBe('#/scenarios/a?x=1');
  expect(after.name).toBe('a@example.com');
  // Loaded again, it is still signed in; of the sign-in itself nothing is left.
  expect(new Session(EXPORTS, PAGE, store).isSignedIn).toBe(true);
  expect([...Array(store.length).keys()].map((at) => store.key(at))).toEqual(['dlt-tokens']);
});

it('takes no code that it did not ask for, and none twice', async () => {
  const store = storage();
  const session = new Session(EXPORTS, PAGE, store);
  await expect(session.finish(`${PAGE}/?code=stolen&state=other`)).rejects.toThrow(/not begun in this tab/);
  const back = server.signIn(await session.signInAddress(''));
  await session.finish(back);
  await expect(session.finish(back)).rejects.toThrow(SignInFailed);
  expect(server.asked).toHaveLength(1);
});

it('is refused without the verifier, and says so in words', async () => {
  const session = new Session(EXPORTS, PAGE, storage());
  const back = server.signIn(await session.signInAddress(''));
  server.challenge = 'of another browser';
  await expect(session.finish(back)).rejects.toThrow(/Cognito refused the sign-in \(invalid_grant\)\. Try again/);
  const denied = new URL(server.signIn(await session.signInAddress('')));
  denied.searchParams.delete('code');
  denied.searchParams.set('error', 'access_denied');
  denied.searchParams.set('error_description', 'User is disabled');
  await expect(session.finish(denied.href)).rejects.toThrow('User is disabled');
  expect(session.isSignedIn).toBe(false);
});

it('takes no place outside of the page', async () => {
  const session = new Session(EXPORTS, PAGE, storage());
  const back = server.signIn(await session.signInAddress('https://evil.example/'));
  expect(await session.finish(back)).toBe('');
});

it('renews a token in time, once for all who wait', async () => {
  let now = NOW;
  const session = await signedIn(storage(), () => now);
  const first = await session.idToken();
  now += 50 * 60_000;
  expect(await session.idToken()).toBe(first);
  now += 6 * 60_000;
  server.lasts = 7200;
  const [a, b] = await Promise.all([session.idToken(), session.idToken()]);
  expect(a).toBe(b);
  expect(a).not.toBe(first);
  expect(server.refreshed).toBe(1);
  // The refresh token was not answered again: the first one stays.
  await session.idToken(true);
  expect(server.refreshed).toBe(2);
});

it('says when the sign-in is over, and only then', async () => {
  const store = storage();
  const session = await signedIn(store);
  const ended = vi.fn();
  session.ended = ended;
  server.answer = () => new Response('busy', { status: 503 });
  await expect(session.idToken(true)).rejects.toMatchObject({ status: 0, message: expect.stringContaining('does not answer') });
  expect(session.isSignedIn).toBe(true);
  server.answer = () => json({ error: 'invalid_grant', error_description: 'Refresh Token has been revoked' }, 400);
  const error = await session.idToken(true).catch((found: unknown) => found);
  expect(error).toBeInstanceOf(ApiError);
  expect(error).toMatchObject({ status: 401, message: 'Your sign-in has ended. Sign in again.' });
  expect(ended).toHaveBeenCalledOnce();
  expect(store.getItem('dlt-tokens')).toBeNull();
  await expect(session.idToken()).rejects.toThrow('Sign in again');
});

it("goes on with nobody else's tokens", async () => {
  const session = await signedIn();
  server.answer = () => json({ id_token: jwt({ sub: 'user-2', exp: NOW / 1000 + 3600 }), access_token: 'a', token_type: 'Bearer' });
  await expect(session.idToken(true)).rejects.toThrow('Sign in again');
});

it('signs in for this page alone where there is no room for tokens, and renews them', async () => {
  const store = storage();
  const { setItem } = store;
  store.setItem = (key, value) => {
    if (key === 'dlt-tokens') throw new DOMException('full', 'QuotaExceededError');
    setItem(key, value);
  };
  const session = await signedIn(store);
  const before = await session.idToken();
  expect(session.isSignedIn).toBe(true);
  expect(await session.idToken(true)).not.toBe(before);
  expect(store.getItem('dlt-tokens')).toBeNull();
});

it('signs out here, revokes the refresh token, and names the page where Cognito forgets the user', async () => {
  const store = storage();
  const session = await signedIn(store);
  const revoke = vi.fn(() => Promise.reject(new TypeError('offline')));
  vi.stubGlobal('fetch', revoke);
  const address = new URL(session.signOut());
  expect(revoke).toHaveBeenCalledWith('https://dlt-1.auth.eu-west-1.amazoncognito.com/oauth2/revoke', expect.objectContaining({ method: 'POST' }));
  expect(`${address.origin}${address.pathname}`).toBe('https://dlt-1.auth.eu-west-1.amazoncognito.com/logout');
  expect(Object.fromEntries(address.searchParams)).toEqual({ client_id: '4client', logout_uri: PAGE });
  expect(store.length).toBe(0);
  expect(session.isSignedIn).toBe(false);
});
