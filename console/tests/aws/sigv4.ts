// Verifies Signature Version 4 as AWS documents it ("Create a signed AWS API request"), from
// the request as it arrived and without the library that signs. For tests alone.
import { createHash, createHmac, timingSafeEqual } from 'node:crypto';

export interface Arrived {
  method: string;
  /** Path and query as they stood in the request. */
  target: string;
  headers: Record<string, string | undefined>;
  body: Buffer;
}

export interface Keys {
  id: string;
  secret: string;
  token: string;
}

export interface Expected {
  service: string;
  region: string;
  /** IoT Core's tokens stand behind the signature and are not in it. */
  hasTokenBehind?: boolean;
  now?: number;
}

const sha256 = (bytes: Buffer | string) => createHash('sha256').update(bytes).digest('hex');
const hmac = (key: Buffer | string, text: string) => createHmac('sha256', key).update(text).digest();

function encoded(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`);
}

/** In a signature's address a plus is a plus: a blank is %20. */
function pairs(query: string): [string, string][] {
  return query.split('&').filter(Boolean).map((pair) => {
    const [name = '', ...rest] = pair.split('=');
    return [decodeURIComponent(name), decodeURIComponent(rest.join('='))];
  });
}

/** Undefined if the signature is right, else what is wrong, in API Gateway's words where it has some. */
export function fault(request: Arrived, known: (id: string) => Keys | undefined, expected: Expected): string | undefined {
  const [path = '', query = ''] = request.target.split('?');
  const given = pairs(query);
  const param = (name: string) => given.find((pair) => pair[0] === name)?.[1];
  const isInQuery = param('X-Amz-Signature') !== undefined;
  const header = /^AWS4-HMAC-SHA256 Credential=([^,]+), SignedHeaders=([^,]+), Signature=([0-9a-f]{64})$/.exec(request.headers.authorization ?? '');
  if (isInQuery === Boolean(header)) return 'Missing Authentication Token';
  const [credential, names, signature] = isInQuery
    ? [param('X-Amz-Credential') ?? '', param('X-Amz-SignedHeaders') ?? '', param('X-Amz-Signature') ?? '']
    : [header?.[1] ?? '', header?.[2] ?? '', header?.[3] ?? ''];
  const date = (isInQuery ? param('X-Amz-Date') : request.headers['x-amz-date']) ?? '';
  const token = isInQuery ? param('X-Amz-Security-Token') : request.headers['x-amz-security-token'];
  const [id = '', ...scope] = credential.split('/');
  const keys = known(id);
  if (!keys || token !== keys.token) return 'The security token included in the request is invalid.';
  if (scope.join('/') !== `${date.slice(0, 8)}/${expected.region}/${expected.service}/aws4_request`) return 'Credential should be scoped to a valid region and service';
  const at = Date.parse(date.replace(/^(....)(..)(..)T(..)(..)(..)Z$/, '$1-$2-$3T$4:$5:$6Z'));
  if (!(Math.abs((expected.now ?? Date.now()) - at) < 300_000)) return 'Signature expired';
  if (isInQuery && !(Number(param('X-Amz-Expires')) > 0)) return 'X-Amz-Expires is missing';
  const signed = names.split(';');
  const must = ['host', ...Object.keys(request.headers).filter((name) => name.startsWith('x-amz-'))];
  if (!must.every((name) => signed.includes(name))) return 'There were headers present in the request which were not signed';
  const inSignature = given.filter(([name]) => name !== 'X-Amz-Signature' && !(expected.hasTokenBehind && name === 'X-Amz-Security-Token'));
  const canonical = [
    request.method,
    // Of all services but S3 the path is encoded once more than it arrived.
    path.split('/').map(encoded).join('/'),
    inSignature.map((pair) => pair.map(encoded).join('=')).sort().join('&'),
    ...signed.map((name) => `${name}:${request.headers[name] ?? ''}`),
    '',
    names,
    sha256(request.body),
  ].join('\n');
  const text = ['AWS4-HMAC-SHA256', date, scope.join('/'), sha256(canonical)].join('\n');
  const key = scope.reduce<Buffer | string>((made, part) => hmac(made, part), `AWS4${keys.secret}`);
  const right = hmac(key, text);
  const isRight = right.length * 2 === signature.length && timingSafeEqual(right, Buffer.from(signature, 'hex'));
  return isRight ? undefined : 'The request signature we calculated does not match the signature you provided.';
}
