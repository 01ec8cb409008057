// What the tests of this folder share: a stack's exports, a storage, and tokens.
import type { Exports } from './exports';

export const EXPORTS: Exports = {
  region: 'eu-west-1',
  userPoolId: 'eu-west-1_AbCdEf123',
  clientId: '4client',
  identityPoolId: 'eu-west-1:11111111-2222-3333-4444-555555555555',
  signInHost: 'dlt-1.auth.eu-west-1.amazoncognito.com',
  api: 'https://abc.execute-api.eu-west-1.amazonaws.com/prod',
  topicHost: 'a1-ats.iot.eu-west-1.amazonaws.com',
};

/** A browser's storage. */
export function storage(): Storage {
  const kept = new Map<string, string>();
  return {
    get length() {
      return kept.size;
    },
    key: (at) => [...kept.keys()][at] ?? null,
    getItem: (key) => kept.get(key) ?? null,
    setItem: (key, value) => void kept.set(key, value),
    removeItem: (key) => void kept.delete(key),
    clear: () => kept.clear(),
  };
}

/** A token with these claims; nobody here reads its signature. */
export function jwt(claims: Record<string, unknown>): string {
  const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
  return `${part({ alg: 'RS256' })}.${part(claims)}.${part('signature')}`;
}

export function json(value: unknown, status = 200): Response {
  return new Response(JSON.stringify(value), { status, headers: { 'content-type': 'application/json' } });
}
