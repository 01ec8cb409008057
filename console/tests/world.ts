// What the browser flows run against: a target, and a `dlt up` in a folder of its own with
// the console that it serves.
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { passOn, serve as serveConsole } from './serve';

export interface World {
  /** Where the console is. */
  url: string;
  /** Where the API is. */
  api: string;
  target: string;
  /** Requests per second that came to the target over the last 2 s. */
  rate: () => number;
  /** Requests that came to the target so far. */
  count: () => number;
  /** How slow the target is from now on, ms. */
  slow: (ms: number) => void;
  /** Kills the server at once, and starts it again after `between`. */
  restart: (between: () => Promise<void>) => Promise<void>;
  end: () => Promise<void>;
}

const RATE_OVER_MS = 2_000;

interface Options {
  /** Further flags of `dlt up`. */
  flags?: string[];
  /** A data folder that stays; else one of its own that goes with it. */
  home?: string;
}

export async function start({ flags = [], home: given = '' }: Options = {}): Promise<World> {
  let slow = 0;
  let requests = 0;
  let all = 0;
  let came: number[] = [];
  const target = await listen((request, response) => {
    request.resume();
    all += 1;
    came.push(performance.now());
    const isSometimes = request.url?.startsWith('/sometimes') === true;
    if (isSometimes) requests += 1;
    const status = isSometimes && requests % 10 === 0 ? 503 : 200;
    setTimeout(() => response.writeHead(status, { 'content-type': 'application/json' }).end('{"ok":true}'), slow + 3);
  });
  const home = given || (await mkdtemp(join(tmpdir(), 'dlt-console-')));
  const port = await freePort();
  const origin = `http://127.0.0.1:${port}`;
  const serve = async () => {
    const one = spawn(process.env.DLT_BIN ?? 'dlt', ['up', '--home', home, '--listen', `127.0.0.1:${port}`, '--region', 'lo-home-1=4', '--region', 'lo-home-2=4', ...flags], { stdio: 'ignore' });
    await answers(`${origin}/api/stack-info`, one, flags.includes('--auth') ? 401 : 200);
    return one;
  };
  let up = await serve();
  // The binary holds a console of its own; DLT_CONSOLE names another that is tested, like dist.
  const built = process.env.DLT_CONSOLE ? await serveConsole(passOn(origin)) : null;
  return {
    url: built?.url ?? origin,
    api: `${origin}/api`,
    target: target.url,
    rate: () => {
      const since = performance.now() - RATE_OVER_MS;
      came = came.filter((at) => at >= since);
      return came.length / (RATE_OVER_MS / 1000);
    },
    count: () => all,
    slow: (ms) => (slow = ms),
    restart: async (between) => {
      const gone = new Promise((resolve) => up.once('exit', resolve));
      up.kill('SIGKILL');
      await gone;
      await between();
      up = await serve();
    },
    end: async () => {
      if (up.exitCode === null && up.signalCode === null) {
        const gone = new Promise((resolve) => up.once('exit', resolve));
        up.kill('SIGINT');
        await gone;
      }
      await built?.end();
      target.server.close();
      if (!given) await rm(home, { recursive: true, force: true });
    },
  };
}

async function listen(handler: http.RequestListener): Promise<{ url: string; server: http.Server }> {
  const server = http.createServer(handler);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, server };
}

async function freePort(): Promise<number> {
  const { url, server } = await listen(() => undefined);
  await new Promise((resolve) => server.close(resolve));
  return Number(new URL(url).port);
}

/** Waits until it is up: it answers `wanted`, which is 401 where it asks for tokens. */
async function answers(url: string, up: ChildProcess, wanted: 200 | 401): Promise<void> {
  let last = 'nothing';
  for (let n = 0; n < 100; n++) {
    if (up.exitCode !== null) throw new Error(`dlt up ended with ${up.exitCode}: is DLT_BIN the binary?`);
    last = await fetch(url).then((answer) => String(answer.status), String);
    if (last === String(wanted)) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`dlt up does not answer ${wanted}; last came ${last}`);
}
