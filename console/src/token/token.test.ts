import { afterEach, expect, it, vi } from 'vitest';
import { keeper } from '../ui/kept';
import { claimsOf, cleaned, fault } from './claims';
import { issuer } from './issuer';
import { TokenSession } from './session';

afterEach(() => vi.unstubAllGlobals());

const part = (value: unknown) => btoa(String.fromCharCode(...new TextEncoder().encode(JSON.stringify(value)))).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
const jwt = (claims: unknown) => `${part({ alg: 'RS256' })}.${part(claims)}.c2ln`;

/** As a browser's, of one tab; one that is full takes nothing. */
class Tab implements Storage {
  isFull = false;
  readonly kept = keeper(() => this);
  private readonly rows = new Map<string, string>();
  get length() {
    return this.rows.size;
  }
  clear = () => this.rows.clear();
  key = (at: number) => [...this.rows.keys()][at] ?? null;
  getItem = (key: string) => this.rows.get(key) ?? null;
  setItem = (key: string, value: string) => {
    if (this.isFull) throw new DOMException('full', 'QuotaExceededError');
    this.rows.set(key, value);
  };
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
  const session = new TokenSession(tab.kept);
  const asked = server({ GET: [200, { may_write: false }] });
  expect(await session.signIn(`Bearer ${token}`)).toBe('');
  expect(asked).toEqual([['GET', '/api/stack-info', `Bearer ${token}`]]);
  expect(session.state).toMatchObject({ name: 'anna', isSignedIn: true, isReader: true, wanted: 'no' });
  expect(new TokenSession(tab.kept).state).toMatchObject({ isSignedIn: true, isReader: true });
  expect(session.home().advice(403, '')).toContain('may look and not change');
  session.signOut();
  expect([tab.length, new TokenSession(tab.kept).state.isSignedIn]).toEqual([0, false]);
  // Who is not told otherwise may write: the server refuses it itself.
  for (const told of [{ may_write: true }, {}, null]) {
    server({ GET: [200, told] });
    await session.signIn(token);
    expect(session.state.isReader).toBe(false);
  }
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
    expect(await new TokenSession(tab.kept).signIn(jwt({}))).toContain(why);
    expect([tab.length, asked.length]).toEqual([0, 1]);
  }
  const asked = server({});
  expect(await new TokenSession(new Tab().kept).signIn('not a token!')).toContain('characters');
  expect(asked).toEqual([]);
});

it('sends no token where none is wanted, asks once, and takes one that was given meanwhile', async () => {
  const session = new TokenSession(new Tab().kept);
  const told: string[] = [];
  session.changed = ({ wanted }) => told.push(wanted);
  const home = session.home();
  const request = { method: 'GET', url: '/api/x', headers: {} };
  expect(home.takesLinks).toBe(true);
  const bare = await home.authorize(request);
  expect(bare.headers).toEqual({});
  expect(home.isExpired(401, '')).toBe(true);
  await expect(home.authorize(request, bare)).rejects.toMatchObject({ status: 401, message: 'This server asks for an access token. Sign in with one.' });
  await expect(home.authorize(request, bare)).rejects.toThrow();
  expect(told).toEqual(['first']);
  // A plain link would be refused, too.
  expect(home.takesLinks).toBe(false);
  server({ GET: [200, {}] });
  const token = jwt({});
  await session.signIn(token);
  // The request that was refused while it was given.
  const sent = await home.authorize(request, bare);
  expect(sent.headers).toEqual({ Authorization: `Bearer ${token}` });
  expect(home.takesLinks).toBe(false);
  await expect(home.authorize(request, sent)).rejects.toMatchObject({ message: 'Your token is no longer good. Sign in again with a new one.' });
  expect(told).toEqual(['first', 'no', 'again']);
  expect(session.state).toMatchObject({ isSignedIn: false, out: 'ended' });
  expect(home.takesLinks).toBe(false);
});

it('keeps a newer token when an older one is refused, however late and whatever was sent since', async () => {
  const session = new TokenSession(new Tab().kept);
  const [old, fresh] = [jwt({ n: 1 }), jwt({ n: 2 })];
  server({ GET: [200, {}] });
  await session.signIn(old);
  const home = session.home();
  const request = { method: 'GET', url: '/api/x', headers: {} };
  const late = await home.authorize(request);
  await session.signIn(fresh);
  await home.authorize(request);
  const again = await home.authorize(request, late);
  expect(again.headers).toEqual({ Authorization: `Bearer ${fresh}` });
  expect(session.state).toMatchObject({ isSignedIn: true, wanted: 'no' });
  // Its own refusal ends it.
  await expect(home.authorize(request, again)).rejects.toMatchObject({ status: 401 });
  expect(session.state).toMatchObject({ isSignedIn: false, wanted: 'again' });
});

it('leaves the page in its place after a sign-out, and asks over it', async () => {
  const session = new TokenSession(new Tab().kept);
  server({ GET: [200, {}] });
  await session.signIn(jwt({}));
  const told: string[] = [];
  session.changed = ({ wanted, out }) => told.push(`${wanted} ${out}`);
  session.signOut();
  const home = session.home();
  const request = { method: 'GET', url: '/api/x', headers: {} };
  const bare = await home.authorize(request);
  await expect(home.authorize(request, bare)).rejects.toMatchObject({ status: 401 });
  expect(told).toEqual(['no left', 'again left']);
});

it('signs in where nothing can be kept, and tells it', async () => {
  server({ GET: [200, {}] });
  const tab = new Tab();
  tab.isFull = true;
  const forbidden = keeper(() => {
    throw new DOMException('forbidden', 'SecurityError');
  });
  for (const kept of [tab.kept, forbidden]) {
    const session = new TokenSession(kept);
    expect(await session.signIn(jwt({}))).toBe('');
    expect(session.state).toMatchObject({ isSignedIn: true, isKept: false });
    session.signOut();
    expect(session.state.isSignedIn).toBe(false);
  }
});

it('tells who gives tokens, or nothing', async () => {
  const say = (body: unknown, status = 200) => issuer(() => Promise.resolve(new Response(JSON.stringify(body), { status })));
  expect(await say({ authorization_servers: ['https://idp', 7], scopes_supported: ['read'] })).toEqual({ issuers: ['https://idp'], scopes: ['read'] });
  for (const odd of [null, 'x', { authorization_servers: 'x' }]) expect(await say(odd)).toEqual({ issuers: [], scopes: [] });
  expect(await say({}, 404)).toEqual({ issuers: [], scopes: [] });
  expect(await issuer(() => Promise.reject(new TypeError('offline')))).toEqual({ issuers: [], scopes: [] });
});
