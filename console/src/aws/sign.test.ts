import { afterEach, expect, it, vi } from 'vitest';
import { fault, type Expected, type Keys } from '../../tests/aws/sigv4';
import { ask } from '../api/client';
import { beside, setHome, type Request } from '../api/home';
import { CredentialCache } from './credentials';
import { EXPORTS, json } from './fixtures';
import { awsHome, presigned, signedHeaders, topicAddress } from './sign';

afterEach(() => {
  vi.unstubAllGlobals();
  setHome(beside);
});

// AWS's own test suite of Signature Version 4.
const SUITE = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY' };
const SUITE_SCOPE = { service: 'service', region: 'us-east-1', datetime: '20150830T123600Z' };

it.each([
  ['get-vanilla', 'GET', '/', 'host;x-amz-date', '5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31'],
  ['get-vanilla-query-order-key-case', 'GET', '/?Param2=value2&Param1=value1', 'host;x-amz-date', 'b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500'],
  ['get-vanilla-utf8-query', 'GET', '/?ሴ=bar', 'host;x-amz-date', '2cdec8eed098649ff3a119c94853b13c643bcf08f8b0a1d91e12c9027818dd04'],
  ['post-vanilla', 'POST', '/', 'host;x-amz-date', '5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b'],
  ['post-vanilla-query', 'POST', '/?Param1=value1', 'host;x-amz-date', '28038455d6de14eafc1f9222cf5aa6f1a96197d7deb8263271d420d138af7f11'],
])("signs AWS's published vector %s", async (_, method, path, names, signature) => {
  const headers = await signedHeaders({ method, url: `https://example.amazonaws.com${path}`, headers: {} }, SUITE, SUITE_SCOPE);
  expect(headers).toEqual({
    'x-amz-date': '20150830T123600Z',
    authorization: `AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, SignedHeaders=${names}, Signature=${signature}`,
  });
});

it("signs AWS's published example of an address", async () => {
  const keys = { accessKeyId: 'AKIAIOSFODNN7EXAMPLE', secretAccessKey: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY' };
  const url = await presigned('https://examplebucket.s3.amazonaws.com/test.txt?X-Amz-Expires=86400', keys, { service: 's3', region: 'us-east-1', datetime: '20130524T000000Z' });
  expect(new URL(url).searchParams.get('X-Amz-Signature')).toBe('aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404');
});

const KEYS: Keys = { id: 'ASIA1', secret: 'secret', token: 'a/b+c==' };
const EXPECTED: Expected = { service: 'execute-api', region: 'eu-west-1' };
const known = (id: string) => (id === KEYS.id ? KEYS : undefined);

function cache(): CredentialCache {
  let n = 0;
  vi.spyOn(CredentialCache.prototype, 'get').mockImplementation((refused) => {
    if (refused) n += 1;
    return Promise.resolve({ accessKeyId: n > 0 ? KEYS.id : 'ASIA0', secretAccessKey: KEYS.secret, sessionToken: KEYS.token, until: Infinity });
  });
  return new CredentialCache(EXPORTS, () => Promise.resolve('t'));
}

/** What a request looks like where it arrives. */
async function arrived(request: Request) {
  const url = new URL(request.url);
  const sent = Object.fromEntries(Object.entries(request.headers).map(([name, value]) => [name.toLowerCase(), value]));
  const body = Buffer.from(await new Blob([request.body ?? '']).arrayBuffer());
  return { method: request.method, target: `${url.pathname}${url.search}`, headers: { ...sent, host: url.host }, body };
}

it('signs requests that are verified where they arrive', async () => {
  const home = awsHome(EXPORTS, cache());
  const refused = await home.authorize({ method: 'GET', url: EXPORTS.api, headers: {} });
  const paths = ['/scenarios', '/scenarios/a%20b/files/x%2By.csv', `/scenarios?tags=${encodeURIComponent("a b+c/ä*!'()~")}&op=`, '/a?b=1&a=2&a=1'];
  for (const path of paths) {
    for (const method of ['GET', 'POST', 'PUT', 'DELETE']) {
      const plain: Request = { method, url: `${EXPORTS.api}${path}`, headers: {} };
      if (method !== 'GET') {
        plain.headers['Content-Type'] = 'application/json';
        plain.body = method === 'PUT' ? new Blob(['bytes']) : '{"ä":1}';
      }
      const request = await home.authorize(plain, refused);
      expect(fault(await arrived(request), known, EXPECTED), `${method} ${path}`).toBeUndefined();
      const other = { ...(await arrived(request)), method: 'PATCH' };
      expect(fault(other, known, EXPECTED)).toMatch(/does not match/);
      // Nothing that a redirect would carry on.
      if (method === 'GET') expect(request.headers).toEqual({});
    }
  }
});

it('asks for other credentials for what was refused, not for what was signed last', async () => {
  const first = { accessKeyId: 'ASIA1', secretAccessKey: 's', sessionToken: 't', until: Infinity };
  const refusals: unknown[] = [];
  const credentials = cache();
  let now = first;
  vi.spyOn(credentials, 'get').mockImplementation((refused) => {
    refusals.push(refused);
    return Promise.resolve(now);
  });
  const home = awsHome(EXPORTS, credentials);
  const plain: Request = { method: 'GET', url: EXPORTS.api, headers: {} };
  const late = await home.authorize(plain);
  now = { ...first, accessKeyId: 'ASIA2' };
  await home.authorize(plain);
  await home.authorize(plain, late);
  expect(refusals).toEqual([undefined, undefined, first]);
});

it('tries once more with fresh credentials where the old ones have ended, and not otherwise', async () => {
  setHome(awsHome(EXPORTS, cache()));
  const requests: string[] = [];
  let refusal = { message: 'The security token included in the request is expired' };
  vi.stubGlobal('fetch', async (url: string, init: RequestInit) => {
    requests.push(url);
    const request = { method: String(init.method), url, headers: init.headers as Record<string, string>, ...(init.body ? { body: String(init.body) } : {}) };
    const wrong = fault(await arrived(request), known, EXPECTED);
    return wrong ? json(refusal, 403) : json(['done']);
  });
  expect(await ask('/scenarios')).toEqual(['done']);
  expect(requests).toHaveLength(2);
  setHome(awsHome(EXPORTS, cache()));
  refusal = { message: 'User: arn:aws:sts::1:assumed-role/readers/x is not authorized to perform: execute-api:Invoke on resource: y' };
  const error = await ask('/scenarios', { method: 'POST', body: {} }).catch((found: unknown) => found);
  expect(requests).toHaveLength(3);
  // The API's words first, then what to do.
  expect(error).toMatchObject({ status: 403, message: expect.stringMatching(/^User: arn.* is not authorized .* y Your user may look and not change\./) });
  vi.stubGlobal('fetch', () => Promise.resolve(json({ message: 'Signature expired: 20150830T123600Z is now earlier than 20150830T124000Z' }, 403)));
  await expect(ask('/scenarios')).rejects.toThrow(/The clock of this computer is wrong: set it/);
});

it('signs the address of the topics, its token behind the signature, and of no other host', async () => {
  const credentials = cache();
  await credentials.get({ accessKeyId: '', secretAccessKey: '', sessionToken: '', until: 0 });
  const sign = topicAddress(EXPORTS, credentials);
  const url = new URL(await sign(EXPORTS.topicHost));
  expect(url.protocol).toBe('wss:');
  expect(url.search.endsWith('&X-Amz-Security-Token=a%2Fb%2Bc%3D%3D')).toBe(true);
  const request = { method: 'GET', target: `${url.pathname}${url.search}`, headers: { host: url.host }, body: Buffer.from('') };
  expect(fault(request, known, { service: 'iotdevicegateway', region: 'eu-west-1', hasTokenBehind: true })).toBeUndefined();
  expect(fault(request, known, { service: 'iotdevicegateway', region: 'eu-west-1' })).toMatch(/does not match/);
  await expect(sign('evil.example')).rejects.toThrow('deploy the stack again');
});
