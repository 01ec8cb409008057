// The hosts of a stack that lies on an emulator of AWS: one TLS server where the browser
// finds all of them, which passes each request on to the emulator's one address. What it
// adds is what an emulator on one address lacks: names, TLS, and the check of signatures,
// with the keys that the identity pool gave out.
import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http';
import { request as send } from 'node:http';
import { createServer } from 'node:https';
import { connect, type AddressInfo, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { generate } from 'selfsigned';
import { bodyOf, headersOf } from './hosts';
import { fault, type Keys } from './sigv4';

/** What the test of the stack hands on. */
export interface Emulated {
  /** `host:port` of the emulator. */
  address: string;
  region: string;
  console: string;
  /** The first user, with the password that was mailed. */
  user: string;
  password: string;
  /** A server to load. */
  target: string;
}

interface Answer {
  status: number;
  headers: OutgoingHttpHeaders;
  body: Buffer;
}

/** Hosts of a stack; a browser asks others, too, by itself. */
const OURS = /(\.cloudfront\.net|\.amazoncognito\.com|\.amazonaws\.com)$/;
const HOP_BY_HOP = ['connection', 'keep-alive', 'transfer-encoding', 'content-length'];

/** The signature of an address, verified by then, where the emulator looks whether there is one. */
function inHeaders(request: IncomingMessage): OutgoingHttpHeaders {
  const query = new URL(`https://any${request.url}`).searchParams;
  const part = (name: string) => query.get(`X-Amz-${name}`);
  if (request.headers.authorization || !part('Signature')) return {};
  return { authorization: `${part('Algorithm')} Credential=${part('Credential')}, SignedHeaders=${part('SignedHeaders')}, Signature=${part('Signature')}` };
}

export class Front {
  port = 0;
  /** What was asked for, without what is secret in addresses: method, host, path. */
  readonly asked: string[] = [];
  /** Signatures that were wrong, and answers that no stack should give. */
  readonly faults: string[] = [];
  /** Query of the last request for a sign-in, and form of the last one for tokens. */
  authorize = new URLSearchParams();
  token = new URLSearchParams();
  readonly secrets: string[] = [];
  private readonly keys = new Map<string, Keys>();
  private readonly sockets = new Set<Socket>();
  private readonly bucket: string;
  private close: () => Promise<void> = () => Promise.resolve();

  constructor(private readonly stack: Emulated) {
    this.bucket = `s3.${stack.region}.amazonaws.com`;
  }

  async start(): Promise<this> {
    const { private: key, cert } = await generate([{ name: 'commonName', value: 'a test' }]);
    const server = createServer({ key, cert }, (request, response) => {
      this.serve(request, response).catch((error: unknown) => {
        this.faults.push(`${request.headers.host}${request.url}: ${String(error)}`);
        response.destroy();
      });
    });
    server.on('upgrade', (request, socket, head) => this.upgrade(request, socket, head));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    this.port = (server.address() as AddressInfo).port;
    this.close = async () => {
      for (const socket of this.sockets) socket.destroy();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    };
    return this;
  }

  end(): Promise<void> {
    return this.close();
  }

  private async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const host = String(request.headers.host).replace(/:\d+$/, '');
    if (!OURS.test(host)) return void response.writeHead(421).end();
    const url = new URL(`https://${host}${request.url}`);
    const body = await bodyOf(request);
    this.asked.push(`${request.method} ${host}${url.pathname}`);
    if (url.pathname === '/oauth2/authorize') this.authorize = url.searchParams;
    if (url.pathname === '/oauth2/token') this.token = new URLSearchParams(body.toString());
    const api = /^(\w+)\.execute-api\./.exec(host)?.[1];
    if (api && request.method !== 'OPTIONS') this.verify(request, body, 'execute-api');
    const answer = await this.pass(request, host, api, body);
    if (url.pathname === '/oauth2/token') this.learnTokens(answer.body);
    if (host.startsWith('cognito-identity.')) this.learnKeys(answer.body);
    if (answer.status >= 500) this.faults.push(`${request.method} ${host}${url.pathname}: ${answer.status} ${answer.body.toString()}`);
    response.writeHead(answer.status, answer.headers).end(answer.body);
  }

  /** The emulator's answer, in which its address is called as AWS calls it. */
  private async pass(request: IncomingMessage, host: string, api: string | undefined, body: Buffer): Promise<Answer> {
    const { address } = this.stack;
    const [, stage = '', rest = ''] = /^\/([^/?]+)(.*)$/.exec(request.url ?? '') ?? [];
    const path = api ? `/restapis/${api}/${stage}/_user_request_${rest}` : request.url;
    const isFiles = host.endsWith('.cloudfront.net');
    const headers = {
      ...request.headers,
      host: isFiles ? host : address,
      ...(isFiles ? { 'x-forwarded-proto': 'https' } : {}),
      ...(api ? inHeaders(request) : {}),
    };
    const [name, port] = address.split(':');
    const got = await new Promise<IncomingMessage>((resolve, reject) => {
      send({ host: name, port, method: request.method, path, headers }, resolve).on('error', reject).end(body);
    });
    const isJson = String(got.headers['content-type']).includes('json');
    const bytes = await bodyOf(got);
    // Links to the bucket, in headers and in the answers of the API.
    const named = (text: string) => text.replaceAll(`http://${address}/`, `https://${this.bucket}/`);
    const told = Object.fromEntries(Object.entries(got.headers).filter(([one]) => !HOP_BY_HOP.includes(one)));
    if (told.location) told.location = named(told.location as string);
    return { status: got.statusCode ?? 0, headers: told, body: api && isJson ? Buffer.from(named(bytes.toString())) : bytes };
  }

  /** The topics: a WebSocket with a signed address. */
  private upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const host = String(request.headers.host);
    this.asked.push(`UPGRADE ${host}${(request.url ?? '').split('?')[0]}`);
    this.verify(request, Buffer.from(''), 'iotdevicegateway');
    const [name, port] = this.stack.address.split(':');
    const other = connect(Number(port), name);
    this.sockets.add(other);
    const lines = [];
    for (let at = 0; at < request.rawHeaders.length; at += 2) lines.push(`${request.rawHeaders[at]}: ${request.rawHeaders[at + 1]}`);
    other.write(`GET ${request.url} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`);
    other.write(head);
    socket.pipe(other).pipe(socket);
    const end = () => {
      socket.destroy();
      other.destroy();
    };
    for (const one of [socket, other]) one.on('error', end).on('close', end);
  }

  private verify(request: IncomingMessage, body: Buffer, service: string): void {
    const arrived = { method: String(request.method), target: String(request.url), headers: headersOf(request), body };
    const wrong = fault(arrived, (id) => this.keys.get(id), { service, region: this.stack.region, hasTokenBehind: service !== 'execute-api' });
    if (wrong) this.faults.push(`${request.method} ${request.headers.host}: ${wrong}`);
  }

  private learnTokens(body: Buffer): void {
    const { refresh_token: refresh, id_token: id } = JSON.parse(body.toString()) as { refresh_token?: string; id_token?: string };
    for (const one of [refresh, id]) if (one) this.secrets.push(one);
  }

  private learnKeys(body: Buffer): void {
    if (body.length === 0) return;
    const { Credentials: keys } = JSON.parse(body.toString()) as { Credentials?: { AccessKeyId: string; SecretKey: string; SessionToken: string } };
    if (!keys) return;
    this.keys.set(keys.AccessKeyId, { id: keys.AccessKeyId, secret: keys.SecretKey, token: keys.SessionToken });
    this.secrets.push(keys.SecretKey);
  }
}
