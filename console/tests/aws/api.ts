// The API behind API Gateway with IAM, and the bucket that it sends browsers to. Signatures
// are verified as they arrive; the bucket refuses what its links do not sign.
import type { ServerResponse } from 'node:http';
import type { Cognito } from './cognito';
import { RUN, TEST, item, record, regions, room, run, stack, timeline } from './data';
import { headersOf, HOSTS, json, OPEN, REGION, type Asked } from './hosts';
import { fault } from './sigv4';

/** What infra/hub/api.yaml lets a browser send. */
const ALLOWED = 'Authorization,Content-Type,X-Amz-Date,X-Amz-Security-Token,X-Api-Key';
const SIGNATURE = /^X-Amz-(Algorithm|Credential|Date|Expires|Security-Token|Signature|SignedHeaders)$/;

export class Api {
  /** Who may watch the topics, by identity. */
  readonly watchers = new Set<string>();
  readonly did: string[] = [];
  readonly stored = new Map<string, string>();

  constructor(private readonly cognito: Cognito) {}

  api({ request, url, body }: Asked, response: ServerResponse): void {
    if (request.method === 'OPTIONS') {
      const headers = { ...OPEN, 'access-control-allow-headers': ALLOWED, 'access-control-allow-methods': 'DELETE,GET,HEAD,OPTIONS,PATCH,POST,PUT' };
      return void response.writeHead(200, headers).end();
    }
    const arrived = { method: String(request.method), target: String(request.url), headers: headersOf(request), body };
    const wrong = fault(arrived, this.cognito.known, { service: 'execute-api', region: REGION });
    if (wrong) {
      this.did.push(`refused: ${wrong}`);
      return json(response, { message: wrong }, 403);
    }
    const id = /Credential=([^/]+)\//.exec(headersOf(request).authorization ?? '')?.[1] ?? url.searchParams.get('X-Amz-Credential')?.split('/')[0] ?? '';
    const user = this.cognito.known(id)?.user ?? '';
    if (request.method !== 'GET' && user.startsWith('reader')) {
      return json(response, { Message: `User: arn:aws:sts::123456789012:assumed-role/readers/CognitoIdentityCredentials is not authorized to perform: execute-api:Invoke on resource: arn:aws:execute-api:${REGION}:********9012:abc/prod/${request.method}${url.pathname}` }, 403);
    }
    const path = url.pathname.replace(/^\/prod/, '');
    this.did.push(`${request.method} ${path}`);
    // The gateway hands the signature on, and the API knows what it is.
    for (const name of [...url.searchParams.keys()]) if (SIGNATURE.test(name)) url.searchParams.delete(name);
    this.answer(`${request.method} ${path}`, user, body, response);
  }

  private answer(call: string, user: string, body: Buffer, response: ServerResponse): void {
    const link = (key: string) => `https://${HOSTS.bucket}/${key}?X-Amz-Signature=of-the-link&x-id=1`;
    const see = (key: string) => json(response, {}, 307, { location: link(key) });
    const one = `/scenarios/${TEST}`;
    switch (call) {
      case 'GET /scenarios':
        return json(response, { Items: [item] });
      case `GET ${one}`:
        return json(response, record);
      case `GET ${one}/testruns`:
        return json(response, { testRuns: [], pagination: { limit: 20, next_token: null, total_count: 0 } });
      case `GET ${one}/testruns/${RUN}`:
        return json(response, run);
      case `GET ${one}/testruns/${RUN}/timeline`:
        return see('answers/timeline.json');
      case 'GET /openapi.json':
        return see('answers/openapi.json');
      case `GET ${one}/live`:
        this.watchers.add(user);
        return json(response, { endpoint: HOSTS.topics, topics: [`dlt/${TEST}`, `dlt/${TEST}/events`] });
      case `GET ${one}/files`:
        return json(response, { files: [...this.stored].map(([name, text]) => ({ name, bytes: text.length, key: name })) });
      case `POST ${one}/files`: {
        const { name } = JSON.parse(body.toString()) as { name: string };
        return json(response, { name, key: `public/${name}`, url: link(`public/${name}`), method: 'PUT' });
      }
      case `POST ${one}`:
        return json(response, 'test cancelling');
      case 'GET /regions':
        return json(response, regions);
      case 'GET /vCPUDetails':
        return json(response, room);
      case 'GET /tasks':
        return json(response, [{ region: REGION, taskArns: ['a', 'b'] }]);
      case 'GET /stack-info':
        return json(response, stack);
    }
    json(response, '"NOT_FOUND: there is no such thing"', 404);
  }

  bucket({ request, url, body }: Asked, response: ServerResponse): void {
    const sent = Object.keys(request.headers);
    if (request.method === 'OPTIONS') {
      const wanted = String(request.headers['access-control-request-headers'] ?? '');
      // A real bucket lets a browser ask and refuses then: here the first is refused, too.
      if (/x-amz|authorization/i.test(wanted)) {
        this.did.push(`bucket refused to be asked with ${wanted}`);
        return void response.writeHead(403).end();
      }
      return void response.writeHead(200, { ...OPEN, 'access-control-allow-headers': wanted, 'access-control-allow-methods': 'GET,HEAD,POST,PUT' }).end();
    }
    if (url.searchParams.get('X-Amz-Signature') !== 'of-the-link' || sent.some((name) => /^(x-amz-|authorization$)/.test(name))) {
      this.did.push('bucket refused');
      return void response.writeHead(403, OPEN).end('<Error><Code>AccessDenied</Code></Error>');
    }
    this.did.push(`bucket ${request.method} ${url.pathname}`);
    if (request.method === 'PUT') {
      this.stored.set(url.pathname.split('/').at(-1) ?? '', body.toString());
      return void response.writeHead(200, OPEN).end();
    }
    json(response, url.pathname.endsWith('timeline.json') ? timeline : { openapi: '3.1.0' });
  }
}
