// Who is signed in: Cognito's managed login with a code and PKCE, through oidc-client-ts,
// and tokens that are renewed without the user while Cognito lets us. They are kept in
// sessionStorage: another tab and another day sign in anew. Credentials are `credentials`'.
import { ErrorResponse, OidcClient, WebStorageStateStore, type SigninResponse } from 'oidc-client-ts';
import { ApiError } from '../api/client';
import type { Exports } from './exports';

/** An ID token is renewed when it is valid for no longer than this. */
const RENEW_BEFORE_MS = 5 * 60_000;
const TOKENS = 'dlt-tokens';
const SIGN_IN = 'dlt-sign-in.';
const SCOPE = 'openid email profile';

interface Tokens {
  id: string;
  refresh: string;
  /** When the ID token ends, ms. */
  until: number;
  subject: string;
  /** What the user is called. */
  name: string;
}

/** The sign-in did not come about; its message is for the user. */
export class SignInFailed extends Error {
  override name = 'SignInFailed';
}

/** How long Cognito may take for tokens. */
const LONGEST_ANSWER_S = 20;

const ENDED = 'Your sign-in has ended. Sign in again.';

export class Session {
  private readonly client: OidcClient;
  private tokens: Tokens | undefined;
  private renewing: Promise<string> | undefined;
  /** Told when the user has to sign in again. */
  ended: () => void = () => undefined;

  constructor(
    private readonly exports: Exports,
    private readonly page: string,
    private readonly storage: Storage,
    private readonly now: () => number = Date.now,
  ) {
    const issuer = `https://cognito-idp.${exports.region}.amazonaws.com/${exports.userPoolId}`;
    const host = `https://${exports.signInHost}`;
    this.client = new OidcClient({
      authority: issuer,
      // Known, so that it need not be asked for.
      metadata: { issuer, authorization_endpoint: `${host}/oauth2/authorize`, token_endpoint: `${host}/oauth2/token` },
      client_id: exports.clientId,
      redirect_uri: page,
      scope: SCOPE,
      requestTimeoutInSeconds: LONGEST_ANSWER_S,
      stateStore: new WebStorageStateStore({ store: storage, prefix: SIGN_IN }),
    });
    this.tokens = this.kept();
  }

  get isSignedIn(): boolean {
    return this.tokens !== undefined;
  }

  get name(): string {
    return this.tokens?.name ?? '';
  }

  /** The address of the sign-in page. `place` is where the user wanted to go; it stays in this browser. */
  async signInAddress(place: string): Promise<string> {
    const request = await this.client.createSigninRequest({ state: { place } });
    return request.url;
  }

  /** Finishes a sign-in with the address that Cognito sent the browser to; answers the place. */
  async finish(address: string): Promise<string> {
    let answer: SigninResponse;
    try {
      answer = await this.client.processSigninResponse(address);
    } catch (error) {
      throw new SignInFailed(whyFailed(error));
    }
    this.keep(answer);
    const { place } = (answer.userState ?? {}) as { place?: unknown };
    return typeof place === 'string' && place.startsWith('#') ? place : '';
  }

  /** An ID token that is good for some minutes; `isRefused`: the one we have is not taken. */
  async idToken(isRefused = false): Promise<string> {
    const { tokens } = this;
    if (!tokens) throw this.over();
    if (!isRefused && tokens.until - this.now() > RENEW_BEFORE_MS) return tokens.id;
    this.renewing ??= this.renew(tokens).finally(() => (this.renewing = undefined));
    return this.renewing;
  }

  /** Forgets the tokens here and answers where Cognito forgets the user, too. */
  signOut(): string {
    const refresh = this.tokens?.refresh;
    if (refresh) {
      // Whoever had copied it cannot use it. It may fail: the tokens here are gone in any case.
      const body = new URLSearchParams({ token: refresh, client_id: this.exports.clientId });
      void fetch(`https://${this.exports.signInHost}/oauth2/revoke`, { method: 'POST', mode: 'no-cors', keepalive: true, body }).catch(() => undefined);
    }
    this.forget();
    const query = new URLSearchParams({ client_id: this.exports.clientId, logout_uri: this.page });
    return `https://${this.exports.signInHost}/logout?${query.toString()}`;
  }

  private async renew(tokens: Tokens): Promise<string> {
    const profile = { sub: tokens.subject, iss: '', aud: '', exp: 0, iat: 0 };
    try {
      const answer = await this.client.useRefreshToken({
        state: { refresh_token: tokens.refresh, session_state: null, scope: SCOPE, profile },
      });
      // Tokens of somebody else, or none: nothing to go on with.
      if (!answer.id_token || answer.profile.sub !== tokens.subject) throw this.over();
      return this.keep(answer, tokens).id;
    } catch (error) {
      if (error instanceof ApiError) throw error;
      if (error instanceof ErrorResponse) throw this.over();
      throw new ApiError(0, '', 'The sign-in could not be renewed: Cognito does not answer. Check the connection, then try again.');
    }
  }

  private over(): ApiError {
    this.forget();
    this.ended();
    return new ApiError(401, '', ENDED);
  }

  private keep(answer: SigninResponse, before?: Tokens): Tokens {
    const { email, name } = answer.profile;
    const id = answer.id_token ?? '';
    // A refresh need not answer another refresh token.
    const refresh = answer.refresh_token ?? before?.refresh ?? '';
    const until = (answer.profile.exp ?? 0) * 1000;
    const called = email ?? name ?? String(answer.profile['cognito:username'] ?? answer.profile.sub);
    this.tokens = { id, refresh, until, subject: answer.profile.sub, name: called };
    try {
      this.storage.setItem(TOKENS, JSON.stringify(this.tokens));
    } catch {
      // A storage that is full: they are good for this page, and the next one signs in anew.
    }
    return this.tokens;
  }

  private kept(): Tokens | undefined {
    try {
      const tokens = JSON.parse(this.storage.getItem(TOKENS) ?? 'null') as Tokens | null;
      return tokens && typeof tokens.id === 'string' && typeof tokens.refresh === 'string' ? tokens : undefined;
    } catch {
      return undefined;
    }
  }

  private forget(): void {
    this.tokens = undefined;
    this.storage.removeItem(TOKENS);
  }
}

function whyFailed(error: unknown): string {
  if (error instanceof ErrorResponse) {
    const said = error.error_description || error.error || 'without a reason';
    return `Cognito refused the sign-in (${said}). Try again; if it stays so, ask whoever runs this stack whether your user may use it.`;
  }
  const message = error instanceof Error ? error.message : '';
  if (/state/i.test(message)) {
    return 'This sign-in was not begun in this tab, or was finished before. Try again.';
  }
  return 'Cognito did not answer when the sign-in was finished. Check the connection, then try again.';
}
