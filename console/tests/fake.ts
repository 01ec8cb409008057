// A made-up server for what a real one cannot have ready: 10,000 scenarios, 10,000 runs,
// 3 regions with 100 labels, a day of seconds, and hostile texts. It serves `dist` and an
// API of the same shapes with made-up numbers; what is asked of it is counted.
import { comparison, HOSTILE, liveEvents, made, runRecord, runRow, runners, scenarioRecord, scenarioRow, timeline, triedExchanges, type Size } from './fixtures';
import { serve } from './serve';

export interface Fake {
  url: string;
  /** Paths that were asked for, with their queries. */
  asked: string[];
  size: Size;
  /** Paths' ends that are not answered at all. */
  silent: Set<string>;
  /** Scenarios that were posted. */
  posted: Record<string, unknown>[];
  /** Answers that replace the made-up ones: a path's end, and status with body. */
  broken: Map<string, [number, unknown]>;
  end: () => Promise<void>;
}

/** The scenario of what is posted. */
const ONE_OFF = 'oneoff0001';

export async function startFake(size: Partial<Size> = {}, port = 0): Promise<Fake> {
  const fake: Fake = { url: '', asked: [], posted: [], silent: new Set(), size: { scenarios: 3, runs: 30, labels: 5, regions: 2, seconds: 120, ...size }, broken: new Map(), end: async () => undefined };
  const notes = new Map<string, string>();
  const served = await serve((request, response) => {
    const url = new URL(request.url ?? '', 'http://fake');
    fake.asked.push(`${request.method} ${url.pathname}${url.search}`);
    const [, live] = /^\/api\/scenarios\/([^/]+)\/live$/.exec(url.pathname) ?? [];
    if (live) {
      // Told once, and then the stream stands.
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      for (const [name, data] of liveEvents(live, fake.size)) response.write(`event: ${name}\ndata: ${JSON.stringify(data)}\n\n`);
      return;
    }
    if ([...fake.silent].some((end) => url.pathname.endsWith(end))) return;
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const [status, body] = answer(fake, notes, request.method ?? 'GET', url, Buffer.concat(chunks).toString());
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    });
  }, port);
  fake.url = served.url;
  fake.end = served.end;
  return fake;
}

function answer(fake: Fake, notes: Map<string, string>, method: string, url: URL, body: string): [number, unknown] {
  const { size } = fake;
  for (const [end, told] of fake.broken) if (url.pathname.endsWith(end)) return told;
  if (url.pathname.startsWith('/.well-known/')) return [404, {}];
  const parts = url.pathname.slice('/api/'.length).split('/').map(decodeURIComponent);
  const [first, test = '', third, run = '', what] = parts;
  const query = url.searchParams;
  if (first === 'stack-info') return [200, { created_time: '2026-11-28T20:00:00Z', region: 'lo-home-1', version: 'v4.2.3', stack_id: 'home', dlt_version: '0.1.0' }];
  if (first === 'regions') return [200, { regions: made(size.regions, (n) => ({ region: `lo-home-${n + 1}`, taskCluster: 'home', compatible: true })) }];
  if (first === 'vCPUDetails') return [200, Object.fromEntries(made(size.regions, (n) => [`lo-home-${n + 1}`, { vCPULimit: 8, vCPUsPerTask: 1, vCPUsInUse: n }]))];
  if (first === 'tasks') return [200, made(size.regions, (n) => ({ region: `lo-home-${n + 1}`, taskArns: made(n, (task) => `r-${task}`) }))];
  if (first !== 'scenarios') return [404, 'NotFound: there is no such path'];
  if (!test && method === 'POST') {
    fake.posted.push(JSON.parse(body));
    return [200, { testId: ONE_OFF, testRunId: 'run0000009' }];
  }
  if (!test) return [200, { Items: made(size.scenarios, (n) => scenarioRow(n, size)) }];
  if (!third) return [200, scenarioRecord(test, size)];
  if (third === 'baseline') return [200, { testId: test, baselineId: size.runs > 3 ? 'run0000003' : null }];
  if (third === 'files') return [200, { files: [{ name: size.isHostile ? HOSTILE.long : 'people.csv', key: 'k', bytes: 120 }] }];
  if (third !== 'testruns') return [404, 'NotFound: there is no such path'];
  if (!run) {
    const limit = Number(query.get('limit') ?? 20);
    const from = Number(query.get('next_token') ?? 0);
    const rows = made(Math.min(limit, size.runs - from), (n) => ({ ...runRow(from + n, size), ...noteOf(notes, `run${String(from + n).padStart(7, '0')}`) }));
    return [200, { testRuns: rows, pagination: { limit, next_token: from + limit < size.runs ? String(from + limit) : null, total_count: size.runs } }];
  }
  if (!what && test === ONE_OFF) return [200, { ...runRecord(test, run, size), exchanges: triedExchanges(size) }];
  if (!what) return [200, { ...runRecord(test, run, size), ...noteOf(notes, run) }];
  if (what === 'note' && method === 'PUT') {
    const { note } = JSON.parse(body) as { note: string };
    if ([...note].length > 2000) return [400, 'INVALID_REQUEST_BODY: note: must have at most 2000 characters'];
    notes.set(run, note);
    return [200, { note }];
  }
  if (what === 'load' && method === 'POST') return [409, 'LOAD_NOT_CHANGED: run makes no load now; it can be changed while it does'];
  if (what === 'timeline') return [200, timeline(query, size)];
  if (what === 'runners') return [200, { runners: runners(size) }];
  if (what === 'histogram') return [200, histogram(query.get('label'))];
  if (what === 'compare') return [200, comparison(run, query.get('with') ?? '', size)];
  if (what === 'artifacts') return [200, { artifacts: [{ name: size.isHostile ? HOSTILE.html : 'results.xml', key: 'k', bytes: 12_345 }] }];
  return [404, 'NotFound: there is no such path'];
}

function noteOf(notes: Map<string, string>, run: string) {
  const note = notes.get(run);
  return note ? { note } : {};
}

function histogram(label: string | null) {
  const buckets = made(40, (n) => [Math.round(2_000 * 1.12 ** n), Math.round(2_000 * 1.12 ** (n + 1)) - 1, Math.round(4_000 * Math.exp(-(((n - 12) / 8) ** 2)))]);
  const count = buckets.reduce((sum, row) => sum + (row[2] ?? 0), 0);
  const distribution = { count, min_us: 2_000, max_us: 180_000, mean_us: 9_000, stdev_us: 4_000, p50_us: 7_790, p75_us: 12_000, p90_us: 17_000, p95_us: 21_300, p99_us: 36_100, p99_9_us: 80_900, p99_99_us: 150_000 };
  return { of: 'ok', label, distribution, buckets, over_hour: 0 };
}
