// What the pictures show: a shop whose answers take as long as those of real ones, the
// scenarios that test it, and their runs. Loads are small; a run that the machine spoiled
// is made again.
import http from 'node:http';

/** Requests of a scenario start at most so often a second. */
const ARRIVALS = 8;
/** A run is made again that often until it may be trusted. */
const MOST_TRIES = 12;

export interface Shop {
  url: string;
  /** Makes searches slower from now on, as a lost index would. */
  slow: (factor: number) => void;
  end: () => void;
}

/** Times like those of a shop: most near the middle, few much longer. The same at each start. */
export async function startShop(port: number): Promise<Shop> {
  let seed = 7;
  const chance = () => (seed = (seed * 16_807) % 2_147_483_647) / 2_147_483_647;
  const normal = () => Math.sqrt(-2 * Math.log(chance())) * Math.cos(2 * Math.PI * chance());
  const around = (ms: number, spread: number) => ms * Math.exp(spread * normal());
  let factor = 1;
  const pages: Record<string, () => [number, number]> = {
    '/login': () => [200, around(14, 0.25)],
    '/search': () => [200, around(38 * factor, 0.5) + (chance() < 0.04 ? 140 : 0)],
    '/cart': () => [chance() < 0.012 ? 503 : 200, around(9, 0.3)],
    '/pay': () => [200, around(95, 0.22) + (chance() < 0.02 ? 260 : 0)],
  };
  const server = http.createServer((request, response) => {
    request.resume();
    const [status, ms] = pages[new URL(request.url ?? '/', 'http://shop').pathname]?.() ?? [404, 2];
    setTimeout(() => response.writeHead(status, { 'content-type': 'application/json' }).end(status === 503 ? '{"error":"the cart is busy"}' : '{"ok":true,"token":"t-1"}'), ms);
  });
  await new Promise<void>((done, failed) => server.once('error', failed).listen(port, '127.0.0.1', done));
  return { url: `http://127.0.0.1:${port}`, slow: (next) => (factor = next), end: () => void server.close() };
}

type Body = Record<string, unknown>;

export const SHOP = 'shopSteady';
const SEARCH = 'searchOnly';
const NIGHTLY = 'nightly000';

function scenario(id: string, name: string, text: string, rest: Body, requests: Body[], execution: Body): Body {
  return {
    testId: id, testName: name, testDescription: text, testType: 'simple', fileType: 'none', showLive: true, tags: ['shop'],
    testTaskConfigs: [{ region: 'lo-home-1', taskCount: 1, concurrency: 1 }],
    regionalTaskDetails: { 'lo-home-1': { dltAvailableTasks: 4 }, 'lo-home-2': { dltAvailableTasks: 4 } },
    testScenario: { execution: [{ scenario: 'buy', ...execution }], scenarios: { buy: { requests } } },
    ...rest,
  };
}

function bodies(url: string): Record<string, Body> {
  const request = (label: string, method = 'GET', more: Body = {}) => ({ url: `${url}/${label}`, method, label, ...more });
  const buy = [request('login', 'POST', { body: '{"user":"anna"}', headers: { 'Content-Type': 'application/json' } }), request('search'), request('cart', 'POST', { body: '{"item":7}' }), request('pay', 'POST', { body: '{"card":"test"}' })];
  const two = [{ region: 'lo-home-1', taskCount: 1, concurrency: 1 }, { region: 'lo-home-2', taskCount: 1, concurrency: 1 }];
  return {
    [SHOP]: scenario(SHOP, 'Shop, evening load', 'A customer logs in, searches, fills the cart and pays', { thresholds: ['p(95)<300ms', 'error_rate<2%', 'search: p(95)<120ms'], testTaskConfigs: two, tags: ['shop', 'release'] }, buy, { arrivals: ARRIVALS, stages: [{ target: ARRIVALS, duration: '8s' }, { target: ARRIVALS, duration: '24s' }, { target: 2, duration: '8s' }] }),
    [SEARCH]: scenario(SEARCH, 'Search alone', 'Five users search one after the other', { thresholds: ['p(99)<400ms'] }, [request('search')], { users: 2, 'ramp-up': '0s', 'hold-for': '12s' }),
    [NIGHTLY]: scenario(NIGHTLY, 'Nightly, pay', 'Payments, each night', { thresholds: ['p(95)<100ms'], tags: ['shop', 'nightly'] }, [request('pay', 'POST', { body: '{"card":"test"}' })], { arrivals: ARRIVALS, 'hold-for': '12s' }),
  };
}

/** Runs everything that the pages show; answers the runs of the shop, oldest first. */
export async function makeRuns(api: string, shop: Shop): Promise<string[]> {
  const all = bodies(shop.url);
  const runs: string[] = [];
  for (const factor of [1.05, 1, 1.1, 0.97]) {
    shop.slow(factor);
    runs.push(await trusted(api, all[SHOP] ?? {}));
  }
  await send(api, 'PUT', `/scenarios/${SHOP}/baseline`, { testRunId: runs[1] });
  shop.slow(1.9);
  runs.push(await trusted(api, all[SHOP] ?? {}));
  await send(api, 'PUT', `/scenarios/${SHOP}/testruns/${runs[4]}/note`, { note: 'First run without the search index' });
  shop.slow(1);
  await trusted(api, all[SEARCH] ?? {});
  for (let n = 0; n < 2; n++) await trusted(api, all[NIGHTLY] ?? {});
  await send(api, 'POST', '/scenarios', { ...all[NIGHTLY], scheduleStep: 'start', cronValue: '0 2 * * *', scheduleTimezone: 'Europe/Paris' });
  return runs;
}

/** Starts a longer run of the shop, to be watched. */
export async function startLong(api: string, shop: Shop): Promise<string> {
  const body = bodies(shop.url)[SHOP] ?? {};
  const plan = body['testScenario'] as { execution: Body[] };
  const execution = [{ scenario: 'buy', arrivals: ARRIVALS, stages: [{ target: ARRIVALS, duration: '15s' }, { target: ARRIVALS, duration: '2m' }, { target: 2, duration: '15s' }] }];
  const answer = await send(api, 'POST', '/scenarios', { ...body, testScenario: { ...plan, execution } });
  return String(answer['testRunId']);
}

/** Ends it, and leaves the scenario as it was. */
export async function endLong(api: string, shop: Shop, run: string): Promise<void> {
  await send(api, 'POST', `/scenarios/${SHOP}`);
  await atRest(api, SHOP);
  await send(api, 'DELETE', `/scenarios/${SHOP}/testruns`, [run]);
  await send(api, 'POST', '/scenarios', { ...bodies(shop.url)[SHOP], saveOnly: true });
}

/** Runs a scenario until its numbers may be believed; what was spoiled is deleted. */
async function trusted(api: string, body: Body): Promise<string> {
  const id = String(body['testId']);
  for (let n = 1; ; n++) {
    const started = await send(api, 'POST', '/scenarios', body);
    const run = String(started['testRunId']);
    await atRest(api, id);
    const record = await send(api, 'GET', `/scenarios/${id}/testruns/${run}`);
    const trust = String((record['verdict'] as Body | undefined)?.['trust']);
    console.log(`${id}: run ${run} is ${trust}`, JSON.stringify((record['verdict'] as Body | undefined)?.['reasons']));
    if (trust === 'trusted') return run;
    if (n === MOST_TRIES) throw new Error(`${id} is ${trust} after ${n} runs: the machine is busy, try again later`);
    await send(api, 'DELETE', `/scenarios/${id}/testruns`, [run]);
  }
}

async function atRest(api: string, id: string): Promise<void> {
  const busy = new Set(['queued', 'provisioning', 'running', 'cancelling', 'cleaning up', 'parsing results']);
  for (;;) {
    const { status } = await send(api, 'GET', `/scenarios/${id}?history=false&latest=false`);
    if (!busy.has(String(status))) return;
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}

export async function send(api: string, method: string, path: string, body?: unknown): Promise<Body> {
  const answer = await fetch(`${api}${path}`, { method, ...(body === undefined ? {} : { body: JSON.stringify(body) }) });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
  return JSON.parse(text) as Body;
}
