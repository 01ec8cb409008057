// Signature Version 4: requests to the API, and the address of the topics' WebSocket.
//
// By aws4fetch: 2.5 kB compressed without dependencies, on the browser's own cryptography,
// and it knows that IoT Core wants a session's token behind the signature, which
// @smithy/signature-v4 (6.8 kB with the SHA-256 in JavaScript that it needs) does not.
//
// GET is signed in its address, all else in headers. An answer may be a redirect to the
// bucket (long answers, files of a run), which the browser follows by itself with all our
// headers: the bucket refuses x-amz- headers that its link does not sign. An address has
// no headers to carry on, and needs no preflight either.
import { AwsV4Signer } from 'aws4fetch';
import type { Home, Request } from '../api/home';
import type { CredentialCache, Credentials } from './credentials';
import type { Exports } from './exports';

/** How long a signed address is valid: it is used at once, but clocks differ. */
const VALID_FOR_S = 300;

export interface Scope {
  service: string;
  region: string;
  /** Like 20150830T123600Z; now unless given. */
  datetime?: string;
}

type Keys = Pick<Credentials, 'accessKeyId' | 'secretAccessKey'> & Partial<Credentials>;

function keysOf({ accessKeyId, secretAccessKey, sessionToken }: Keys) {
  return { accessKeyId, secretAccessKey, ...(sessionToken ? { sessionToken } : {}) };
}

/** An address with a signature in its query. */
export async function presigned(url: string, keys: Keys, scope: Scope): Promise<string> {
  const plain = new URL(url);
  if (!plain.searchParams.has('X-Amz-Expires')) plain.searchParams.set('X-Amz-Expires', String(VALID_FOR_S));
  const signed = await new AwsV4Signer({ ...keysOf(keys), ...scope, method: 'GET', url: plain.href, signQuery: true }).sign();
  // A blank is signed as %20; the plus that browsers write for it would be read as a plus.
  signed.url.search = signed.url.search.replaceAll('+', '%20');
  return signed.url.href;
}

/** The headers of a request with its signature. */
export async function signedHeaders(request: Request, keys: Keys, scope: Scope): Promise<Record<string, string>> {
  const { method, url, headers, body } = request;
  const bytes = body instanceof Blob ? await body.arrayBuffer() : body;
  const signed = await new AwsV4Signer({ ...keysOf(keys), ...scope, method, url, headers, ...(bytes === undefined ? {} : { body: bytes }) }).sign();
  return Object.fromEntries(signed.headers.entries());
}

/** The API of a stack. */
export function awsHome(exports: Exports, credentials: CredentialCache): Home {
  const scope = { service: 'execute-api', region: exports.region };
  // Each request is refused for its own: one that is late says nothing of newer ones.
  const carried = new WeakMap<Request, Credentials>();
  return {
    base: exports.api,
    away: "The stack's API does not answer. Check this computer's connection, then try again.",
    takesLinks: false,
    async authorize(request, refused) {
      const keys = await credentials.get(refused && carried.get(refused));
      const isRead = request.method === 'GET';
      const signed = { ...request, ...(isRead ? { url: await presigned(request.url, keys, scope) } : { headers: await signedHeaders(request, keys, scope) }) };
      carried.set(signed, keys);
      return signed;
    },
    // API Gateway says 403 of a token that has ended, as of one that may not.
    isExpired: (status, body) => status === 401 || (status === 403 && /security token|expired/i.test(body)),
    advice,
  };
}

function advice(status: number, message: string): string {
  if (status !== 403) return '';
  if (/not authorized to perform/i.test(message)) {
    return 'Your user may look and not change. Whoever runs this stack can put it into the group writers; then sign out and in again.';
  }
  if (/signature expired|not yet current/i.test(message)) {
    return 'The clock of this computer is wrong: set it, then load the page again.';
  }
  return '';
}

/** Signs the address of a stack's topics. */
export function topicAddress(exports: Exports, credentials: CredentialCache): (host: string) => Promise<string> {
  return async (host) => {
    // The address holds a right: it goes to this stack's own host alone.
    if (host !== exports.topicHost) throw new Error(`the API names ${host} for live data, and the stack ${exports.topicHost}; deploy the stack again`);
    return presigned(`wss://${host}/mqtt`, await credentials.get(), { service: 'iotdevicegateway', region: exports.region });
  };
}
