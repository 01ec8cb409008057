// Against a broker of the test's own: MQTT 3.1.1 inside WebSockets, as IoT Core speaks it.
import { Aedes } from 'aedes';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { createWebSocketStream, WebSocket, WebSocketServer } from 'ws';
import type { LiveListener } from './live';
import { topicSource } from './topics';

let broker: Aedes;
let server: Server;
let url = '';
let mayWatch = true;
const clients: string[] = [];
const protocols: string[] = [];
let sockets: WebSocket[] = [];

beforeEach(async () => {
  mayWatch = true;
  clients.length = protocols.length = 0;
  sockets = [];
  broker = await Aedes.createBroker({ authorizeSubscribe: (_, topic, done) => done(null, mayWatch ? topic : null) });
  broker.on('client', (client) => clients.push(client.id));
  server = createServer();
  new WebSocketServer({ server }).on('connection', (socket) => {
    sockets.push(socket);
    protocols.push(socket.protocol);
    broker.handle(createWebSocketStream(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `ws://127.0.0.1:${(server.address() as AddressInfo).port}/mqtt?signed`;
  vi.stubGlobal('WebSocket', WebSocket);
  vi.stubGlobal('fetch', (asked: string) => {
    expect(asked).toBe('/api/scenarios/abc/live');
    return Promise.resolve(new Response('{"endpoint":"a1.iot","topics":["dlt/abc","dlt/abc/events"]}'));
  });
});
afterEach(async () => {
  vi.unstubAllGlobals();
  for (const socket of sockets) socket.terminate();
  await new Promise<void>((resolve) => broker.close(() => resolve()));
  server.close();
});

function listener() {
  const events: unknown[] = [];
  const told: LiveListener = {
    tick: (tick) => events.push(['tick', tick.second]),
    status: (status) => events.push(['status', status.status]),
    note: (note) => events.push(['note', note]),
    line: (stands, why) => events.push(['line', stands, why]),
  };
  return { events, told };
}

function publish(topic: string, value: unknown): Promise<void> {
  const payload = Buffer.from(JSON.stringify(value));
  return new Promise((resolve) => broker.publish({ cmd: 'publish', topic, payload, qos: 0, retain: false, dup: false }, () => resolve()));
}

it('tells what comes on the topics that the API names, and connects again', async () => {
  const { events, told } = listener();
  const presign = vi.fn(() => Promise.resolve(url));
  const end = topicSource(presign).listen('abc', told);
  await vi.waitFor(() => expect(events).toEqual([['line', true, undefined]]), 5000);
  expect(presign).toHaveBeenCalledWith('a1.iot');
  expect(protocols).toEqual(['mqtt']);
  await publish('dlt/other', { event: 'note', data: { note: 'not ours' } });
  await publish('dlt/abc/events', { event: 'status', data: { run_id: 'r', status: 'running' } });
  // Longer than a frame and than one byte of length tells.
  await publish('dlt/abc/events', { event: 'note', data: { note: 'x'.repeat(100_000) } });
  await publish('dlt/abc/events', { event: 'note', data: { note: 'short after long' } });
  await vi.waitFor(() => expect(events).toHaveLength(4), 5000);
  expect(events[1]).toEqual(['status', 'running']);
  expect(events[3]).toEqual(['note', 'short after long']);
  events.length = 0;
  for (const socket of sockets) socket.terminate();
  await vi.waitFor(() => expect(events).toEqual([['line', false, 'AWS IoT closed the connection'], ['line', true, undefined]]), 5000);
  await publish('dlt/abc/events', { event: 'note', data: { note: 'again' } });
  await vi.waitFor(() => expect(events.at(-1)).toEqual(['note', 'again']), 5000);
  // Each connection is a client of its own and has an address signed anew.
  expect(new Set(clients).size).toBe(2);
  expect(presign).toHaveBeenCalledTimes(2);
  end();
  await vi.waitFor(() => expect(broker.connectedClients).toBe(0), 5000);
});

it('says that the right to watch may take a moment, and gets it', async () => {
  mayWatch = false;
  const { events, told } = listener();
  const end = topicSource(() => Promise.resolve(url)).listen('abc', told);
  await vi.waitFor(() => expect(events[0]).toEqual(['line', false, expect.stringContaining('refuses the subscription')]), 5000);
  mayWatch = true;
  await vi.waitFor(() => expect(events.at(-1)).toEqual(['line', true, undefined]), 5000);
  end();
});

it('says what is wrong before a connection: no right address, no broker', async () => {
  const { events, told } = listener();
  const end = topicSource(() => Promise.reject(new Error('the API names another host'))).listen('abc', told);
  await vi.waitFor(() => expect(events[0]).toEqual(['line', false, 'the API names another host']), 5000);
  end();
  const other = listener();
  const stop = topicSource(() => Promise.resolve('ws://127.0.0.1:1/mqtt')).listen('abc', other.told);
  await vi.waitFor(() => expect(other.events[0]).toEqual(['line', false, expect.stringContaining('is not reached')]), 5000);
  stop();
});
