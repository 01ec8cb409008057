// A user pool for tests: a key made here, a server that shows it, and access tokens with
// any claims. `dlt up --auth` takes them as it takes Cognito's.
import { createSign, generateKeyPairSync } from 'node:crypto';
import http from 'node:http';
import type { AddressInfo } from 'node:net';

const ISSUER = 'https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_TestPool1';
const KID = 'access-1';

export interface Pool {
  /** The flags that make `dlt up` take its tokens. */
  flags: string[];
  /** A token: of the console's client, who may write, unless its claims say otherwise. */
  token: (claims?: Record<string, unknown>) => string;
  /** A token that may look and not change. */
  reader: () => string;
  end: () => void;
}

export async function startPool(): Promise<Pool> {
  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const keys = JSON.stringify({ keys: [{ ...publicKey.export({ format: 'jwk' }), kid: KID, use: 'sig', alg: 'RS256' }] });
  const server = http.createServer((_, response) => response.writeHead(200, { 'content-type': 'application/json' }).end(keys));
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const token = (claims: Record<string, unknown> = {}) => {
    const now = Math.floor(Date.now() / 1000);
    const all = { iss: ISSUER, token_use: 'access', client_id: 'console', sub: 'user-1', username: 'anna', iat: now, exp: now + 3_600, ...claims };
    const signed = `${part({ alg: 'RS256', kid: KID })}.${part(all)}`;
    return `${signed}.${createSign('RSA-SHA256').update(signed).sign(privateKey).toString('base64url')}`;
  };
  return {
    flags: [
      '--auth', '--issuer', ISSUER, '--jwks-url', `http://127.0.0.1:${(server.address() as AddressInfo).port}/jwks.json`,
      '--allowed-client', 'console', '--allowed-client', 'machine', '--scope-exempt-client', 'console', '--write-scope', 'dlt/write',
    ],
    token,
    reader: () => token({ client_id: 'machine', username: undefined, scope: 'dlt-mcp-gateway/read' }),
    end: () => void server.close(),
  };
}
