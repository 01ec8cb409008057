// AWS credentials of the signed-in user, from the identity pool (Amazon Cognito API
// reference, GetId and GetCredentialsForIdentity): two plain calls, asked by one caller for
// all who wait. Kept in memory alone.
import { ApiError } from '../api/client';
import type { Exports } from './exports';

/** How long the identity pool may take to answer. */
const LONGEST_ANSWER_MS = 20_000;

export interface Credentials {
  accessKeyId: string;
  secretAccessKey: string;
  sessionToken: string;
  /** When they end, ms. */
  until: number;
}

/** They are fetched anew when they are valid for no longer than this. */
const RENEW_BEFORE_MS = 5 * 60_000;

/** An ID token; `isRefused`: the identity pool did not take the last one. */
type IdToken = (isRefused?: boolean) => Promise<string>;

interface Answer {
  IdentityId?: string;
  Credentials?: { AccessKeyId: string; SecretKey: string; SessionToken: string; Expiration: number };
}

class Refused extends Error {
  constructor(
    readonly type: string,
    readonly said: string,
  ) {
    super(said);
  }
}

export class CredentialCache {
  private known: Credentials | undefined;
  private asking: Promise<Credentials> | undefined;
  private identity: string | undefined;

  constructor(
    private readonly exports: Exports,
    private readonly idToken: IdToken,
    private readonly now: () => number = Date.now,
  ) {}

  /** Credentials that are good for some minutes; `refused` are those that AWS did not take. */
  get(refused?: Credentials): Promise<Credentials> {
    const { known } = this;
    // Others may have fetched new ones since the refusal.
    const isGood = known && known !== refused && known.until - this.now() > RENEW_BEFORE_MS;
    if (isGood) return Promise.resolve(known);
    this.asking ??= this.ask().finally(() => (this.asking = undefined));
    return this.asking;
  }

  private async ask(): Promise<Credentials> {
    try {
      return await this.fetch(await this.idToken());
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      if (!/token|login/i.test(error.said)) throw words(error);
    }
    // The pool says no to a token that it took a moment ago: it was revoked, or has ended.
    try {
      return await this.fetch(await this.idToken(true));
    } catch (error) {
      throw error instanceof Refused ? words(error) : error;
    }
  }

  private async fetch(token: string): Promise<Credentials> {
    const { region, userPoolId, identityPoolId } = this.exports;
    const Logins = { [`cognito-idp.${region}.amazonaws.com/${userPoolId}`]: token };
    this.identity ??= (await this.call('GetId', { IdentityPoolId: identityPoolId, Logins })).IdentityId;
    const { Credentials: got } = await this.call('GetCredentialsForIdentity', { IdentityId: this.identity, Logins });
    if (!got) throw new Refused('', 'it answered no credentials');
    this.known = {
      accessKeyId: got.AccessKeyId,
      secretAccessKey: got.SecretKey,
      sessionToken: got.SessionToken,
      until: got.Expiration * 1000,
    };
    return this.known;
  }

  private async call(action: string, body: unknown): Promise<Answer> {
    const answer = await fetch(`https://cognito-identity.${this.exports.region}.amazonaws.com/`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/x-amz-json-1.1', 'X-Amz-Target': `AWSCognitoIdentityService.${action}` },
      body: JSON.stringify(body),
      cache: 'no-store',
      signal: AbortSignal.timeout(LONGEST_ANSWER_MS),
    }).catch(() => undefined);
    if (!answer) throw new ApiError(0, '', 'The identity pool does not answer. Check the connection, then try again.');
    const value = (await answer.json().catch(() => ({}))) as Answer & { __type?: string; message?: string };
    if (answer.ok) return value;
    if (answer.status >= 500) throw new ApiError(answer.status, '', `The identity pool answered ${answer.status}. Try again in a moment.`);
    throw new Refused(String(value.__type ?? ''), String(value.message ?? `status ${answer.status}`));
  }
}

function words(refused: Refused): ApiError {
  if (refused.type.endsWith('TooManyRequestsException')) {
    return new ApiError(429, '', 'The identity pool is asked too often. Try again in a moment.');
  }
  const advice = 'Whoever runs this stack can put your user into the group readers or writers; then sign out and in again.';
  return new ApiError(403, '', `The identity pool gives your user no rights (${refused.said}). ${advice}`);
}
