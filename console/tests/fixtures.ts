// Made-up values in the API's shapes, as many as a size asks for, the same each time.
export interface Size {
  scenarios: number;
  runs: number;
  labels: number;
  regions: number;
  seconds: number;
  /** Texts that try to break out. */
  isHostile?: boolean;
  /** The newest run goes on, and has come to its last second but `TICKS`. */
  isRunning?: boolean;
}

const RTL = '\u202e';
const ESC = '\u001b';
export const HOSTILE = {
  html: '<img src=x onerror="document.title=1">',
  long: `${'wide'.repeat(2_500)}`,
  reversed: `report ${RTL}gpj.exe`,
  ansi: `${ESC}[31mred${ESC}[0m ${ESC}]0;title\u0007 done`,
  formula: '=HYPERLINK("http://x","y")',
};
const TEXTS = Object.values(HOSTILE);

export const made = <T>(count: number, make: (n: number) => T): T[] => Array.from({ length: Math.max(0, count) }, (_, n) => make(n));
const text = (n: number, plain: string, size: Size) => (size.isHostile ? `${TEXTS[n % TEXTS.length]}${n >= TEXTS.length ? n : ''}` : plain);
const two = (n: number) => String(n).padStart(2, '0');
/** The newest run began at a fixed time; each older one an hour before. */
const stamp = (hoursAgo: number) => new Date(Date.UTC(2026, 10, 28, 20, 0, 0) - hoursAgo * 3_600_000).toISOString().slice(0, 19).replace('T', ' ');
const WORDS = ['passed', 'failed', 'finished', 'incomplete', 'cancelled'] as const;
const TRUSTS = ['trusted', 'trusted', 'trusted', 'degraded', 'untrusted'] as const;
export const label = (n: number, size: Size) => text(n, `GET /shop/{id}/part-${two(n)}`, size);

export function scenarioRow(n: number, size: Size) {
  const word = WORDS[n % 3] ?? 'passed';
  const isNightly = n % 4 === 1;
  return {
    testId: `test${String(n).padStart(6, '0')}`,
    testName: text(n, `${['checkout', 'search', 'nightly'][n % 3]} ${n}`, size),
    testDescription: text(n + 1, 'made up', size),
    status: n === 0 && size.isRunning ? 'running' : isNightly ? 'scheduled' : word === 'failed' ? 'failed' : 'complete',
    startTime: stamp(n),
    nextRun: isNightly ? '2026-11-29 02:00:00' : '',
    scheduleRecurrence: '',
    cronValue: isNightly ? '0 2 * * *' : '',
    scheduleTimezone: 'Europe/Paris',
    tags: [`team-${n % 7}`, ...(n % 2 ? ['weekly'] : [])],
    totalTestRuns: n % 10 === 9 ? 0 : size.runs,
    ...(n % 10 === 9 ? {} : { last_run: { run_id: 'run0000000', word, trust: TRUSTS[n % 5], p95_us: 20_000 + (n % 97) * 1_370, at: stamp(n) } }),
    failures_in_a_row: word === 'failed' ? 1 + (n % 5) : 0,
  };
}

const plan = (size: Size) => ({
  execution: [{ scenario: 'main', arrivals: 50, 'hold-for': `${size.seconds}s` }],
  scenarios: { main: { requests: [{ url: `http://127.0.0.1:8080/${size.isHostile ? HOSTILE.long : ''}`, method: 'GET' }] } },
});

export function scenarioRecord(test: string, size: Size) {
  const n = Number(/\d+/.exec(test)?.[0] ?? 0);
  return {
    ...scenarioRow(n, size),
    testId: test,
    testType: 'simple',
    fileType: '',
    showLive: true,
    endTime: stamp(0),
    cronExpiryDate: '',
    healthyThreshold: 90,
    desiredTaskCount: size.regions * 2,
    taskFailureCount: 0,
    testTaskConfigs: made(size.regions, (at) => ({ region: `lo-home-${at + 1}`, taskCount: 2, concurrency: 1 })),
    testScenario: plan(size),
    thresholds: ['p(95)<200ms', 'error_rate<1%'],
    results: {},
  };
}

const distribution = (count: number, p95: number) => ({
  count, min_us: 1_210, max_us: p95 * 9, mean_us: p95 / 2, stdev_us: p95 / 3, p50_us: Math.round(p95 / 2.4), p75_us: Math.round(p95 / 1.8),
  p90_us: Math.round(p95 / 1.2), p95_us: p95, p99_us: Math.round(p95 * 1.7), p99_9_us: p95 * 3, p99_99_us: p95 * 6,
});

export function runRow(n: number, size: Size) {
  const word = WORDS[n % 11 === 4 ? 1 : 0];
  const p95 = 42_000 + ((n * 7_919) % 9_000);
  return {
    testRunId: `run${String(n).padStart(7, '0')}`,
    startTime: stamp(n),
    endTime: stamp(n - 0.1),
    status: n === 0 && size.isRunning ? 'running' : 'complete',
    scheduleTimezone: 'UTC',
    requests: 120_000 + n,
    success: 119_400,
    errors: 600 + n,
    rate_per_s: 199.4,
    ok_times: distribution(119_400, p95),
    outcome: { word, passed: word === 'passed' },
    verdict: { trust: TRUSTS[n % 5] },
    ...(n % 9 === 2 ? { note: text(n, 'New cache in front of the shop', size) } : {}),
  };
}

const block = (count: number, p95: number) => ({ ...distribution(count, p95), ok: count - Math.floor(count / 200), failed: Math.floor(count / 200), bytes_received: count * 900, bytes_sent: count * 120 });

/** What a person changed of the load. */
export const CHANGES = [{ at_us: 20_400_000, factor: 1.1 }, { at_us: 40_000_000, factor: 0 }, { at_us: 44_250_000, factor: 1.2 }];

export function runRecord(test: string, run: string, size: Size) {
  const n = Number(/\d+/.exec(run)?.[0] ?? 0);
  const row = runRow(n, size);
  const all = size.seconds * 50;
  const ok = all - Math.floor(all / 200);
  return {
    testId: test,
    testRunId: run,
    testName: text(0, 'checkout', size),
    testDescription: text(1, 'made up', size),
    testType: 'simple',
    status: row.status,
    startTime: row.startTime,
    endTime: row.endTime,
    scheduleTimezone: 'UTC',
    testTaskConfigs: scenarioRecord(test, size).testTaskConfigs,
    testScenario: plan(size),
    results: {},
    completeTasks: {},
    ...(row.note ? { note: row.note } : {}),
    outcome: { word: row.outcome.word, passed: row.outcome.passed, reason: text(3, 'every threshold holds', size), thresholds: [
      { expression: 'p(95)<200ms', observed: '21.3ms', passed: true },
      { expression: `${label(0, size)}: p(99)<50ms`, observed: '61.2ms', passed: false },
    ] },
    verdict: { trust: 'degraded', reasons: [{ code: 'lag', trust: 'degraded', message: text(2, 'Requests left up to 7 ms late.', size), from_s: 10, to_s: 20 }] },
    account: { scheduled: all, sent: all, unconnected: 0, dropped: 0, ok, failed: all - ok, unfinished: 0, resent: 0, balanced: true },
    coverage: { complete: true, runners_expected: size.regions * 2, runners_reported: size.regions * 2, missing: [], missing_intervals: 0 },
    load: { model: 'open', planned: [[0, 50], [size.seconds, 50]], changes: CHANGES },
    summary: {
      loaded_us: size.seconds * 1e6,
      times_over: 'ok',
      total: block(all, 21_300),
      regions: Object.fromEntries(made(size.regions, (at) => [`lo-home-${at + 1}`, block(Math.floor(all / size.regions), 20_000 + at * 900)])),
      labels: made(size.labels, (at) => ({ ...block(Math.floor(all / size.labels), 15_000 + at * 311), label: label(at, size) })),
      transactions: made(2, (at) => ({ ...block(Math.floor(all / 9), 61_000 + at * 5_311), label: text(at, ['buy', 'browse'][at] ?? '', size), kind: 'transaction', unfinished: at })),
    },
    setup: { requests: 2, took_us: 41_300 },
    teardown: { requests: 1, took_us: 9_100, failure: text(0, 'DELETE /carts: answered 503', size) },
    generator: { addresses: [['127.0.0.1:8080', all]], http_versions: [['1.1', all]], public_addresses: [] },
    errors: made(4, (at) => ({
      cause: ['status-5xx', 'reset', 'timeout-first-byte', 'check'][at],
      message: text(at, `Answered 50${at}`, size),
      count: 40 - at * 9,
      labels: Object.fromEntries(made(Math.min(8, size.labels), (one) => [label(one, size), 40 - one])),
      runners: Object.fromEntries(made(size.regions, (one) => [`run-lo-home-${one + 1}-1`, 12])),
      regions: Object.fromEntries(made(size.regions, (one) => [`lo-home-${one + 1}`, 12 + one])),
      first_at: Date.UTC(2026, 10, 28, 20, 0, 4),
      last_at: Date.UTC(2026, 10, 28, 20, 1, 40),
      exchanges: at === 0 ? [{ request: `GET /shop HTTP/1.1\nHost: shop\n${text(0, '', size)}`, response: `HTTP/1.1 503\n\n${size.isHostile ? TEXTS.join('\n') : 'busy'}` }] : [],
    })),
    warnings: size.isHostile ? TEXTS : [],
  };
}

/** Buckets of a second: a hill whose place wanders, with failures now and then. */
function second(at: number, step: number, share: number) {
  const middle = 104 + Math.round(6 * Math.sin(at / 400) + 4 * Math.sin(at / 37));
  const ok = Math.round(49 * step * share);
  const failed = at % 50 < step ? Math.max(1, Math.round(step * share * 0.5)) : 0;
  const latency = made(24, (n) => [middle + n - 8, Math.max(1, Math.round((ok / 6) * Math.exp(-(((n - 8) / 4) ** 2))))] as [number, number]);
  return {
    second: at, users: Math.round(14 * share + 3 * Math.sin(at / 90)), scheduled: ok + failed, dropped: 0, unconnected: 0, sent: ok + failed, resent: 0, ok, failed, unfinished: 0, bytes: ok * 900,
    causes: failed ? [['status-5xx', failed]] : [], latency, latency_failed: failed ? [[100, failed]] : [], lag: [[60, ok]], user_time_us: 0, read_delay_us: 0, unstamped: 0,
    runners: Math.max(1, Math.round(6 * share)),
  };
}

export function timeline(query: URLSearchParams, size: Size) {
  const step = Math.max(1, Number(query.get('step_s') ?? 1));
  const from = Math.max(0, Number(query.get('from_s') ?? 0));
  const to = Math.min(size.seconds, Number(query.get('to_s') ?? size.seconds));
  // As a run is stored: 1 s, after 6 h 10 s.
  const length = (at: number) => Math.max(step, at < 21_600 ? 1 : 10);
  const starts: number[] = [];
  for (let at = from - (from % step); at < to; at += length(at)) starts.push(at);
  const series = (share: number) => starts.map((at) => second(at, length(at), share));
  return {
    format: 2,
    start_at_us: 1_764_360_000_000_000,
    end_s: to,
    total: series(1),
    regions: Object.fromEntries(made(size.regions, (n) => [`lo-home-${n + 1}`, series(1 / size.regions)])),
    labels: query.getAll('label').map((name) => ({ label: name, seconds: starts.map((at) => { const one = second(at + name.length * 31, step, 0.1); return { second: at, ok: one.ok, failed: one.failed, latency: one.latency }; }) })),
  };
}

/** What a one-off run of one iteration came to: a login whose token the next step sends, and a check that does not hold. */
export function triedExchanges(size: Size) {
  const row = { at: Date.UTC(2026, 10, 28, 20, 0, 1), response_us: 12_345 };
  return [
    { ...row, label: text(0, 'login', size), url: 'http://127.0.0.1:8080/login', status: 200, request: 'POST /login HTTP/1.1\nHost: 127.0.0.1:8080\n\nuser=anna', response: `HTTP/1.1 200 OK\nContent-Type: application/json\n\n${size.isHostile ? TEXTS.join('\n') : '{"id":7}'}`, values: [{ name: 'id', value: text(0, '7', size) }, { name: 'token', value: '[redacted]' }] },
    { ...row, label: 'GET /cart', url: 'http://127.0.0.1:8080/cart?id=7', status: 200, cause: 'check', message: text(3, 'The body does not contain "total".', size), request: 'GET /cart?id=7 HTTP/1.1\nHost: 127.0.0.1:8080\n\n', response: 'HTTP/1.1 200 OK\n\nempty', cut: true },
    { ...row, label: 'GET /pay', url: 'http://127.0.0.1:8080/pay', cause: 'timeout-first-byte', message: 'No byte of an answer came within 5 s.', request: 'GET /pay HTTP/1.1\nHost: 127.0.0.1:8080\n\n', response: '' },
  ];
}

/** How many seconds are told live. */
const TICKS = 20;

/** What the stream of a run in progress tells, one event after the other. */
export function liveEvents(test: string, size: Size): [string, unknown][] {
  const run = 'run0000000';
  const status = { run_id: run, status: 'running', load: { model: 'open', planned: [[0, 50], [size.seconds, 50]] } };
  const ticks = made(TICKS, (n) => size.seconds - TICKS + n).flatMap((at) =>
    made(size.regions, (region) => ({
      ...second(at, 1, 1 / size.regions),
      test_id: test,
      run_id: run,
      region: `lo-home-${region + 1}`,
      seq: at,
      runners: made(2, (n) => [`run-lo-home-${region + 1}-${n}`, n === 1 && region === 1 ? 'lagging' : 'loading', at, 900 + 400 * n]),
    })),
  );
  return [['status', status], ...ticks.map((tick): [string, unknown] => ['tick', tick]), ['note', { note: text(0, 'lo-home-2: a runner was not heard for 3 s', size) }]];
}

export function runners(size: Size) {
  return made(size.regions * 2, (n) => ({
    runner: `run-lo-home-${(n % size.regions) + 1}-${n}`,
    region: `lo-home-${(n % size.regions) + 1}`,
    state: n === 1 ? 'lost' : 'finished',
    role: n < size.regions ? 'leader' : 'worker',
    last_heard_s: n === 1 ? 41 : 120,
    lag_p99_us: 300 + n * 1_100,
    cpu_pct: 31.25 + n * 9,
    memory_bytes: 91_000_000 + n * 5_000_000,
    memory_limit_bytes: 512_000_000,
    public_address: `203.0.113.${n + 1}`,
    skew_us: 80 + n * 13,
    ...(n === 1 ? { lost: text(4, 'It was not heard for 10 s from second 41 on.', size) } : {}),
  }));
}

const metric = (name: string, change: string, pct: number) => ({ metric: name, base: 20_000, candidate: 20_000 * (1 + pct / 100), delta: 200 * pct, delta_pct: pct, low_pct: pct - 2, high_pct: pct + 2, change });

export function comparison(run: string, other: string, size: Size) {
  return {
    base: { testId: 'test000000', testRunId: other, startTime: stamp(3) },
    candidate: { testId: 'test000000', testRunId: run, startTime: stamp(2) },
    verdict: 'worse',
    reasons: [text(0, 'The p95 of 3 labels got worse.', size)],
    notes: [],
    comparability: { same_load: true, same_regions: true, same_tasks: true, same_plan: true, same_times: true, complete: true, trusted: true },
    thresholds: { relative_pct: 2, error_points: 0.5 },
    totals: [metric('p50_us', 'same', 0.4), metric('p95_us', 'worse', 9.1), metric('rate', 'same', -0.1)],
    labels: made(size.labels, (n) => ({ label: label(n, size), change: n < 3 ? 'worse' : 'same', metrics: [metric('p50_us', 'same', 1), metric('p95_us', n < 3 ? 'worse' : 'same', n < 3 ? 8 + n : 1)] })),
    added: size.isHostile ? TEXTS : [],
    removed: [],
    inconclusive: [],
  };
}
