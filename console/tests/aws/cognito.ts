// Cognito as a browser meets it: managed login with a form, tokens for a code and its
// verifier (S256), and an identity pool. It refuses what Cognito's refuses.
import { createHash, randomUUID } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import { CLIENT, IDENTITY_POOL, json, OPEN, PAGE, REGION, USER_POOL, type Asked } from './hosts';
import type { Keys } from './sigv4';

export const PASSWORD = 'Correct-Horse-7-Staple';

interface Grant {
  user: string;
  challenge: string;
  page: string;
}

export class Cognito {
  private readonly codes = new Map<string, Grant>();
  /** Refresh tokens and ID tokens that are good, by their user. */
  private readonly refresh = new Map<string, string>();
  private readonly ids = new Map<string, string>();
  private signedIn = '';
  private keys: (Keys & { user: string })[] = [];
  readonly did: string[] = [];
  /** Everything secret that was given out. */
  readonly secrets: string[] = [];
  /** How long an ID token is good, s. */
  lasts = 3600;
  isDisabled = false;

  /** The keys with this id, unless they have ended. */
  known = (id: string): (Keys & { user: string }) | undefined => this.keys.find((keys) => keys.id === id);

  /** Ends all credentials that were given out. */
  expire(): void {
    this.keys = [];
  }

  /** Ends all sign-ins; whoever comes back is still known. */
  revokeAll(): void {
    this.refresh.clear();
    this.ids.clear();
  }

  signIn(asked: Asked, response: ServerResponse): void {
    const { url, request, body } = asked;
    const form = new URLSearchParams(body.toString());
    switch (`${request.method} ${url.pathname}`) {
      case 'GET /oauth2/authorize':
        return this.authorize(url.searchParams, response);
      case 'POST /login': {
        if (form.get('password') !== PASSWORD) return void response.writeHead(401).end('Incorrect username or password.');
        this.signedIn = form.get('username') ?? '';
        return this.authorize(url.searchParams, response);
      }
      case 'POST /oauth2/token':
        return this.token(form, response);
      case 'POST /oauth2/revoke':
        this.did.push(this.refresh.delete(form.get('token') ?? '') ? 'revoked' : 'nothing to revoke');
        return void response.writeHead(200).end();
      case 'GET /logout': {
        const to = url.searchParams.get('logout_uri');
        if (url.searchParams.get('client_id') !== CLIENT || to !== PAGE) return void response.writeHead(400).end('Invalid request');
        this.signedIn = '';
        this.did.push('signed out');
        return void response.writeHead(302, { location: to }).end();
      }
    }
    response.writeHead(404).end();
  }

  private authorize(query: URLSearchParams, response: ServerResponse): void {
    const page = query.get('redirect_uri');
    const isRight = query.get('client_id') === CLIENT && query.get('response_type') === 'code' && query.get('code_challenge_method') === 'S256';
    // Letter by letter: a slash more is another address.
    if (!isRight || page !== PAGE) return void response.writeHead(400).end('redirect_mismatch');
    const state = query.get('state') ?? '';
    if (this.isDisabled) {
      const error = new URLSearchParams({ error: 'access_denied', error_description: 'User is disabled.', state });
      return void response.writeHead(302, { location: `${page}?${error.toString()}` }).end();
    }
    if (!this.signedIn) {
      const action = `/login?${query.toString().replaceAll('&', '&amp;')}`;
      const html = `<!doctype html><title>Sign in</title><form method="post" action="${action}"><label>Email <input name="username"></label>
        <label>Password <input name="password" type="password"></label><button>Sign in</button></form>`;
      return void response.writeHead(200, { 'content-type': 'text/html' }).end(html);
    }
    const code = randomUUID();
    this.codes.set(code, { user: this.signedIn, challenge: query.get('code_challenge') ?? '', page });
    response.writeHead(302, { location: `${page}?code=${code}&state=${encodeURIComponent(state)}` }).end();
  }

  private token(form: URLSearchParams, response: ServerResponse): void {
    const refuse = () => json(response, { error: 'invalid_grant' }, 400);
    if (form.get('client_id') !== CLIENT) return refuse();
    if (form.get('grant_type') === 'refresh_token') {
      const user = this.refresh.get(form.get('refresh_token') ?? '');
      this.did.push(user ? 'renewed' : 'not renewed');
      return user ? json(response, this.tokens(user)) : refuse();
    }
    const code = form.get('code') ?? '';
    const grant = this.codes.get(code);
    this.codes.delete(code);
    const verifier = form.get('code_verifier') ?? '';
    const isProven = verifier.length >= 43 && createHash('sha256').update(verifier).digest('base64url') === grant?.challenge;
    if (!grant || !isProven || form.get('redirect_uri') !== grant.page) return refuse();
    const refresh = `refresh-${randomUUID()}`;
    this.refresh.set(refresh, grant.user);
    this.secrets.push(refresh, verifier);
    this.did.push('signed in');
    json(response, { ...this.tokens(grant.user), refresh_token: refresh });
  }

  private tokens(user: string) {
    const now = Math.floor(Date.now() / 1000);
    const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
    const claims = { sub: `sub-of-${user}`, email: user, iss: `https://cognito-idp.${REGION}.amazonaws.com/${USER_POOL}`, aud: CLIENT, iat: now, exp: now + this.lasts, jti: randomUUID() };
    const id_token = `${part({ alg: 'RS256' })}.${part(claims)}.${part('signature')}`;
    this.ids.set(id_token, user);
    this.secrets.push(id_token);
    return { id_token, access_token: `access-${randomUUID()}`, expires_in: this.lasts, token_type: 'Bearer' };
  }

  identity({ request, body }: Asked, response: ServerResponse): void {
    if (request.method === 'OPTIONS') {
      return void response.writeHead(200, { ...OPEN, 'access-control-allow-headers': 'content-type,x-amz-target', 'access-control-allow-methods': 'POST' }).end();
    }
    const asked = JSON.parse(body.toString()) as { IdentityPoolId?: string; IdentityId?: string; Logins?: Record<string, string> };
    const user = this.ids.get(asked.Logins?.[`cognito-idp.${REGION}.amazonaws.com/${USER_POOL}`] ?? '');
    if (!user) return json(response, { __type: 'NotAuthorizedException', message: 'Invalid login token.' }, 400);
    const action = String(request.headers['x-amz-target']);
    if (action === 'AWSCognitoIdentityService.GetId' && asked.IdentityPoolId === IDENTITY_POOL) return json(response, { IdentityId: `${REGION}:of-${user}` });
    if (action !== 'AWSCognitoIdentityService.GetCredentialsForIdentity' || asked.IdentityId !== `${REGION}:of-${user}`) {
      return json(response, { __type: 'InvalidParameterException', message: action }, 400);
    }
    const keys = { id: `ASIA${this.secrets.length}`, secret: randomUUID(), token: `IQoJ+/${randomUUID()}==`, user };
    this.keys.push(keys);
    this.secrets.push(keys.secret, keys.token);
    this.did.push('credentials');
    json(response, {
      IdentityId: asked.IdentityId,
      Credentials: { AccessKeyId: keys.id, SecretKey: keys.secret, SessionToken: keys.token, Expiration: Date.now() / 1000 + 3600 },
    });
  }
}
