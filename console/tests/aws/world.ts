// A stack of AWS on this machine: one TLS server that answers for all its hosts, which the
// browser is told to find here, so that the console's own addresses are the real ones. The
// page has the content security policy of infra/.
import { Aedes } from 'aedes';
import { readFile } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { extname, normalize } from 'node:path';
import { generate } from 'selfsigned';
import { createWebSocketStream, WebSocketServer, type WebSocket } from 'ws';
import { Api } from './api';
import { Cognito } from './cognito';
import { message } from './data';
import { bodyOf, CLIENT, headersOf, HOSTS, IDENTITY_POOL, REGION, USER_POOL } from './hosts';
import { fault } from './sigv4';

const DIST = new URL('../../dist/', import.meta.url);
const TYPES: Record<string, string> = { '.html': 'text/html', '.js': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml', '.json': 'application/json' };

/** As bootstrap writes it beside the console. */
const EXPORTS = {
  UserPoolId: USER_POOL, PoolClientId: CLIENT, IdentityPoolId: IDENTITY_POOL, UserPoolDomain: HOSTS.signIn, ApiEndpoint: `https://${HOSTS.api}/prod`,
  UserFilesBucket: 'files', UserFilesBucketRegion: REGION, IoTEndpoint: HOSTS.topics, IoTPolicy: '',
};

/** The policy that CloudFront sends, with this stack's hosts. */
export async function policy(): Promise<string> {
  const text = await readFile(new URL('../../../infra/hub/console.yaml', import.meta.url), 'utf8');
  const [, rows = ''] = /ContentSecurityPolicy: !Join\n.*\n((?: +- .*\n)+)/.exec(text) ?? [];
  const first = /ContentSecurityPolicy: !Join\n\s+- ' '\n\s+- - (.*)\n/.exec(text)?.[1] ?? '';
  const parts = [first, ...rows.split('\n').slice(1)].map((row) => row.trim().replace(/^(- )+/, '').replace(/^!Sub /, ''));
  const values: Record<string, string> = {
    RestApi: 'abc', 'AWS::Region': REGION, 'AWS::URLSuffix': 'amazonaws.com', 'IotEndpoint.Host': HOSTS.topics, 'Bucket.RegionalDomainName': HOSTS.bucket,
  };
  const joined = parts.filter((part) => !part.startsWith('#')).join(' ').trim();
  return joined.replace(/\$\{([^}]+)\}/g, (all, name: string) => values[name] ?? all);
}

export class World {
  readonly cognito = new Cognito();
  readonly api = new Api(this.cognito);
  /** Addresses that were asked for, as servers and histories see them. */
  readonly asked: string[] = [];
  /** Faults of a policy that was attached a moment ago. */
  unsettled = 1;
  port = 0;
  private csp = '';
  private broker!: Aedes;
  private sockets = new Set<WebSocket>();
  private close: () => Promise<void> = () => Promise.resolve();

  async start(): Promise<this> {
    this.csp = await policy();
    const { private: key, cert } = await generate([{ name: 'commonName', value: 'a test' }]);
    const server = createServer({ key, cert }, (request, response) => void this.serve(request, response));
    this.broker = await Aedes.createBroker({
      authorizeSubscribe: (_, topic, done) => done(null, topic.topic.startsWith('dlt/') ? topic : null),
    });
    const upgrade = new WebSocketServer({ noServer: true });
    server.on('upgrade', (request, socket, head) => {
      const wrong = this.mayWatch(request);
      if (wrong) return void socket.end(`HTTP/1.1 403 ${wrong}\r\n\r\n`);
      upgrade.handleUpgrade(request, socket, head, (opened) => {
        this.sockets.add(opened);
        this.broker.handle(createWebSocketStream(opened));
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    this.port = (server.address() as AddressInfo).port;
    this.close = async () => {
      this.dropTopics();
      await new Promise<void>((resolve) => this.broker.close(() => resolve()));
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    };
    return this;
  }

  end(): Promise<void> {
    return this.close();
  }

  private async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const host = String(request.headers.host);
    const url = new URL(`https://${host}${request.url}`);
    const asked = { request, url, body: await bodyOf(request) };
    this.asked.push(`${host} ${request.url}`);
    if (host === HOSTS.page) return this.page(url, response);
    if (host === HOSTS.signIn) return this.cognito.signIn(asked, response);
    if (host === HOSTS.identity) return this.cognito.identity(asked, response);
    if (host === HOSTS.api) return this.api.api(asked, response);
    if (host === HOSTS.bucket) return this.api.bucket(asked, response);
    response.writeHead(421).end();
  }

  /** A file as CloudFront sends it: what is none is the first page. */
  private async page(url: URL, response: ServerResponse): Promise<void> {
    const headers = { 'content-security-policy': this.csp, 'referrer-policy': 'same-origin', 'x-content-type-options': 'nosniff' };
    if (url.pathname === '/aws-exports.json') return void response.writeHead(200, { ...headers, 'content-type': 'application/json', 'cache-control': 'no-store' }).end(JSON.stringify(EXPORTS));
    const name = normalize(url.pathname).slice(1) || 'index.html';
    const bytes = await readFile(new URL(name, DIST)).catch(() => readFile(new URL('index.html', DIST)));
    response.writeHead(200, { ...headers, 'content-type': TYPES[extname(name)] ?? 'text/html' }).end(bytes);
  }

  private mayWatch(request: IncomingMessage): string | undefined {
    const url = new URL(`https://${request.headers.host}${request.url}`);
    if (url.host !== HOSTS.topics || url.pathname !== '/mqtt') return 'Not Found';
    const arrived = { method: 'GET', target: String(request.url), headers: headersOf(request), body: Buffer.from('') };
    const wrong = fault(arrived, this.cognito.known, { service: 'iotdevicegateway', region: REGION, hasTokenBehind: true });
    if (wrong) return wrong;
    const user = this.cognito.known(url.searchParams.get('X-Amz-Credential')?.split('/')[0] ?? '')?.user ?? '';
    if (!this.api.watchers.has(user)) return 'Forbidden';
    // What was attached a moment ago is not known everywhere yet.
    this.unsettled -= 1;
    return this.unsettled >= 0 ? 'Forbidden' : undefined;
  }

  get watching(): number {
    return this.broker.connectedClients;
  }

  /** Publishes a second of the run. */
  tick(at: number, topic: string): Promise<void> {
    return this.publish(topic, message(at));
  }

  publish(topic: string, value: unknown): Promise<void> {
    const payload = Buffer.from(JSON.stringify(value));
    return new Promise((resolve) => this.broker.publish({ cmd: 'publish', topic, payload, qos: 0, retain: false, dup: false }, () => resolve()));
  }

  dropTopics(): void {
    for (const socket of this.sockets) socket.terminate();
    this.sockets.clear();
  }
}
