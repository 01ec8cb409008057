import { afterEach, expect, it, vi } from 'vitest';
import { claimsOf, cleaned, fault } from './claims';
import { issuer } from './issuer';
import { TokenSession } from './session';

afterEach(() => vi.unstubAllGlobals());

const part = (value: unknown) => btoa(String.fromCharCode(...new TextEncoder().encode(JSON.stringify(value)))).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
const jwt = (claims: unknown) => `${part({ alg: 'RS256' })}.${part(claims)}.c2ln`;

/** As a browser's, of one tab. */
class Tab implements Storage {
  private readonly rows = new Map<string, string>();
  get length() {
    return this.rows.size;
  }
  clear = () => this.rows.clear();
  key = (at: number) => [...this.rows.keys()][at] ?? null;
  getItem = (key: string) => this.rows.get(key) ?? null;
  setItem = (key: string, value: string) => void this.rows.set(key, value);
  removeItem = (key: string) => void this.rows.delete(key);
}

/** A server that answers by method; tells what it was asked. */
function server(answers: Record<string, [number, unknown]>) {
  const asked: [string, string, string | null][] = [];
  vi.stubGlobal('fetch', (url: string, init: RequestInit) => {
    asked.push([String(init.method), url, new Headers(init.headers).get('authorization')]);
    const [status, body] = answers[String(init.method)] ?? [404, ''];
    return status === 0 ? Promise.reject(new TypeError('offline')) : Promise.resolve(new Response(JSON.stringify(body), { status }));
  });
  return asked;
}

it('takes the token out of what is pasted, and says what no token is', () => {
  for (const text of ['a.b-c_d', '  a.b-c_d\n', 'Bearer a.b-c_d', 'authorization: bearer a.b-c_d', '"a.b-c_d"', 'a.b-\nc_d']) expect(cleaned(text)).toBe('a.b-c_d');
  expect(fault('a.b-c_d')).toBe('');
  expect(fault(cleaned(' '))).toContain('Paste a token first');
  expect(fault('a\u202eb')).toContain('characters that no token has');
  expect(fault('x'.repeat(20_000))).toContain('no token has more than 16384');
});

it('reads what a token says of itself, and nothing of what is none', () => {
  expect(claimsOf(jwt({ username: 'Zoë', exp: 1_800_000_000 }))).toEqual({ name: 'Zoë', until: 1_800_000_000_000 });
  expect(claimsOf(jwt({ client_id: 'machine', sub: 'x' }))).toEqual({ name: 'machine' });
  for (const odd of ['', 'a.b.c', jwt(null), jwt([1]), jwt({ username: 7, exp: 'x' })]) expect(claimsOf(odd)).toEqual({ name: '' });
});

it('signs in for one tab, knows a reader, and leaves nothing after a sign-out', async () => {
  const [tab, token] = [new Tab(), jwt({ username: 'anna' })];
  const session = new TokenSession(tab);
  const asked = server({ GET: [200, {}], POST: [403, { message: 'the token may read, but change nothing' }] });
  expect(await session.signIn(`Bearer ${token}`)).toBe('');
  expect(asked).toEqual([['GET', '/api/stack-info', `Bearer ${token}`], ['POST', '/api/scenarios', `Bearer ${token}`]]);
  expect(session.state).toMatchObject({ name: 'anna', isSignedIn: true, isReader: true, wanted: 'no' });
  expect(new TokenSession(tab).state).toMatchObject({ isSignedIn: true, isReader: true });
  expect(session.home().advice(403, '')).toContain('may look and not change');
  session.signOut();
  expect([tab.length, new TokenSession(tab).state.isSignedIn]).toEqual([0, false]);
  // One that is told what its empty scenario lacks may write.
  server({ GET: [200, {}], POST: [400, 'INVALID_REQUEST_BODY: testName: is missing'] });
  await session.signIn(token);
  expect(session.state.isReader).toBe(false);
});

it('says why a token is not taken, and keeps none of those', async () => {
  for (const [status, message, why] of [
    [401, 'the token has expired', 'did not take this token (the token has expired). Get a new access token'],
    [403, 'the token lacks a scope', 'may not look here (the token lacks a scope). Ask whoever'],
    [503, 'keys', 'Try again in a few seconds'],
    [429, '', 'Wait a second'],
    [0, '', 'does not answer'],
  ] as const) {
    const tab = new Tab();
    const asked = server({ GET: [status, { message }] });
    expect(await new TokenSession(tab).signIn(jwt({}))).toContain(why);
    expect([tab.length, asked.length]).toEqual([0, 1]);
  }
  const asked = server({});
  expect(await new TokenSession(new Tab()).signIn('not a token!')).toContain('characters');
  expect(asked).toEqual([]);
});

it('sends no token where none is wanted, asks once, and takes one that was given meanwhile', async () => {
  const session = new TokenSession(new Tab());
  const told: string[] = [];
  session.changed = ({ wanted }) => told.push(wanted);
  const home = session.home();
  const request = { method: 'GET', url: '/api/x', headers: {} };
  expect(home.takesLinks).toBe(true);
  expect((await home.authorize(request, false)).headers).toEqual({});
  expect(home.isExpired(401, '')).toBe(true);
  await expect(home.authorize(request, true)).rejects.toMatchObject({ status: 401, message: 'This server asks for an access token. Sign in with one.' });
  await expect(home.authorize(request, true)).rejects.toThrow();
  expect(told).toEqual(['first']);
  server({ GET: [200, {}], POST: [400, ''] });
  const token = jwt({});
  await session.signIn(token);
  // The request that was refused while it was given.
  expect((await home.authorize(request, true)).headers).toEqual({ Authorization: `Bearer ${token}` });
  expect(home.takesLinks).toBe(false);
  await expect(home.authorize(request, true)).rejects.toMatchObject({ message: 'Your token is no longer good. Sign in again with a new one.' });
  expect(told).toEqual(['first', 'no', 'again']);
  expect(session.state.isSignedIn).toBe(false);
});

it('tells who gives tokens, or nothing', async () => {
  const say = (body: unknown, status = 200) => issuer(() => Promise.resolve(new Response(JSON.stringify(body), { status })));
  expect(await say({ authorization_servers: ['https://idp', 7], scopes_supported: ['read'] })).toEqual({ issuers: ['https://idp'], scopes: ['read'] });
  for (const odd of [null, 'x', { authorization_servers: 'x' }]) expect(await say(odd)).toEqual({ issuers: [], scopes: [] });
  expect(await say({}, 404)).toEqual({ issuers: [], scopes: [] });
  expect(await issuer(() => Promise.reject(new TypeError('offline')))).toEqual({ issuers: [], scopes: [] });
});
