// Made-up runs in the shape that `dlt runs report` writes, the same each time.
import type { Block, Comparison, Distribution, HistogramAnswer, LabelSeries, MetricChange, Runner, Second } from '../src/api/types';
import type { ReportData } from '../src/report/data';

const made = <T>(count: number, make: (n: number) => T): T[] => Array.from({ length: count }, (_, n) => make(n));
const STEPS = ['GET /', 'GET /search', 'GET /product/{id}', 'POST /cart', 'PUT /cart/{id}', 'GET /cart', 'POST /login', 'POST /checkout'];
const START = Date.UTC(2026, 2, 4, 9, 0, 0);

export const HOSTILE = {
  html: '<img src=x onerror="document.title=\'taken\'">',
  close: '</script><script>document.title="taken"</script>',
  comment: '<!--<script>',
  reversed: 'report \u202egpj.exe',
  arabic: 'طلب /سلة',
  ansi: '\u001b[31mred\u001b[0m \u001b]0;title\u0007 done',
  long: 'wide'.repeat(2_500),
  lines: 'one\u2028two\u2029three',
};
const TEXTS = Object.values(HOSTILE);

export interface Shape {
  seconds?: number;
  labels?: number;
  runners?: number;
  isHostile?: boolean;
}

function distribution(count: number, p95: number): Distribution {
  const at = (share: number) => Math.round(p95 * share);
  return { count, min_us: at(0.09), max_us: at(9.13), mean_us: at(0.47), stdev_us: at(0.6), p50_us: at(0.361), p75_us: at(0.553), p90_us: at(0.81), p95_us: p95, p99_us: at(1.74), p99_9_us: at(4.05), p99_99_us: at(6.8) };
}

function block(count: number, failed: number, p95: number): Block {
  return { ...distribution(count - failed, p95), count, ok: count - failed, failed, bytes_received: count * 2_143, bytes_sent: count * 317 };
}

/** A hill of times around `middle`, with a long tail: coarse buckets. */
function hill(middle: number, ok: number): [number, number][] {
  return made(34, (n): [number, number] => [Math.round(middle) + n - 12, Math.round((ok / 8.3) * Math.exp(-(((n - 11) / (n < 11 ? 3.2 : 6)) ** 2))) + (n === 30 ? 1 : 0)]).filter(([, count]) => count > 0);
}

/** How much slower than in its quiet parts the target is at a second: a dent at two thirds. */
const strain = (at: number, length: number) => Math.min(1, at / (length * 0.15)) * 4 + 20 * Math.exp(-(((at / length - 0.66) / 0.04) ** 2)) + 1.4 * Math.sin(at / 9);

function second(at: number, length: number): Second {
  const share = Math.min(1, (at + 0.5) / (length * 0.1));
  const sent = Math.round(200 * share);
  const dent = Math.abs(at / length - 0.66) < 0.05;
  const busy = dent ? Math.round(sent * 0.09) : at % 41 === 0 ? 1 : 0;
  const slow = dent ? Math.round(sent * 0.03) : 0;
  const ok = sent - busy - slow;
  return {
    second: at, users: Math.round(6 * share + (dent ? 70 : 0) + 2 * Math.sin(at / 5)), scheduled: sent, dropped: 0, unconnected: 0, sent, resent: 0, ok, failed: busy + slow, unfinished: 0, bytes: ok * 2_143,
    causes: [...(busy ? [['status-5xx', busy] as [string, number]] : []), ...(slow ? [['timeout-first-byte', slow] as [string, number]] : [])],
    latency: hill(112 + strain(at, length), ok), ...(busy ? { latency_failed: [[96, busy]] as [number, number][] } : {}), lag: [[58, sent]], user_time_us: 0, read_delay_us: 0, unstamped: 0,
  };
}

function series(label: string, n: number, length: number): LabelSeries {
  return { label, seconds: made(length, (at) => ({ second: at, ok: 25, failed: 0, latency: hill(104 + 4 * n + strain(at, length) * (0.5 + n / 8), 25) })) };
}

/** A histogram of the API: buckets known to three digits. */
function histogram(of: 'ok' | 'failed', count: number, p95: number): HistogramAnswer {
  const middle = Math.log(p95 * 0.38);
  const rows = made(420, (n): [number, number, number] => {
    const low = Math.round(Math.exp(middle - 1.4 + n / 95));
    const x = (Math.log(low) - middle) / (Math.log(low) < middle ? 0.34 : 0.58);
    const tail = n > 250 ? Math.max(0, 3 - (n - 250) / 60) : 0;
    return [low, Math.round(low * 1.01), Math.round((count / 122) * Math.exp(-x * x) + tail)];
  }).filter((row) => row[2] > 0);
  return { of, distribution: distribution(rows.reduce((sum, row) => sum + row[2], 0), p95), buckets: rows, over_hour: 0 };
}

function metrics(n: number, base: Block): MetricChange[] {
  const change = (['same', 'worse', 'changed_but_small', 'better', 'cannot_tell'] as const)[n % 5] ?? 'same';
  const pct = { same: 0.31, worse: 12.4, changed_but_small: 1.62, better: -8.73, cannot_tell: 4.2 }[change];
  const one = (metric: string, value: number, by: number): MetricChange => {
    const delta = value - value / (1 + by / 100);
    return { metric, base: value - delta, candidate: value, delta, delta_pct: by, low_pct: by - 2.1, high_pct: by + 2.3, significant: change !== 'same', change, ...(change === 'cannot_tell' ? { why: 'too few requests' } : {}) };
  };
  return [
    one('p50_us', base.p50_us ?? 0, pct * 0.7), one('p95_us', base.p95_us ?? 0, pct), one('p99_us', base.p99_us ?? 0, pct * 1.1),
    { metric: 'error_rate', base: 0.004, candidate: n % 5 === 1 ? 0.0127 : 0.0041, delta: n % 5 === 1 ? 0.0087 : 0.0001, low: 0.003, high: 0.008, significant: n % 5 === 1, change: n % 5 === 1 ? 'worse' : 'same' },
  ];
}

function runner(n: number): Runner {
  return {
    runner: `a1b2c3d4e5-${n % 2 ? 'eu-west-1' : 'us-east-1'}-${n}`, region: n % 2 ? 'eu-west-1' : 'us-east-1', state: n === 4 ? 'lagging' : 'finished', role: n < 2 ? 'leader' : 'worker', last_heard_s: 600,
    lag_p99_us: 310 + ((n * 7_919) % 400) + (n === 4 ? 5_200 : 0), skew_us: 60 + ((n * 131) % 190), cpu_pct: 31.2 + ((n * 37) % 230) / 10, memory_bytes: 91_000_000 + (n % 60) * 3_100_000, memory_limit_bytes: 512_000_000, public_address: `203.0.113.${n + 1}`,
  };
}

export function reportData({ seconds = 600, labels = STEPS.length, runners = 12, isHostile = false }: Shape = {}): ReportData {
  const name = (n: number) => (isHostile && n < TEXTS.length ? (TEXTS[n] ?? '') : (STEPS[n] ?? `GET /catalog/part-${n}`));
  const rows = made(seconds, (at) => second(at, seconds));
  const sum = (count: (row: Second) => number) => rows.reduce((all, row) => all + count(row), 0);
  const count = sum((row) => row.sent);
  const failed = sum((row) => row.failed);
  const total: Block = { ...block(count, failed, 166_231), lag: distribution(count, 402), service: distribution(count, 165_102), connect: distribution(96, 3_410), first_byte: distribution(count, 160_004) };
  const blocks = made(labels, (n): Block => ({ ...block(Math.floor(count / labels), n === 7 || labels > 8 ? Math.floor(failed / labels) : n === 4 ? 0 : 3 * n, 61_007 + n * 23_411), label: name(n) }));
  const plan = { execution: [{ scenario: 'shop', arrivals: 200, 'ramp-up': `${seconds / 10}s`, 'hold-for': `${(seconds * 9) / 10}s` }], scenarios: { shop: { 'default-address': 'https://shop.example', requests: [{ url: '/', method: 'GET' }] } } };
  const comparison: Comparison = {
    base: { test_id: 'q7w8e9r0t1', test_run_id: 'z9y8x7w6v5', start_time: '2026-03-03 09:00:00' }, candidate: { test_id: 'q7w8e9r0t1', test_run_id: 'a1b2c3d4e5', start_time: '2026-03-04 09:00:00' },
    verdict: 'worse', reasons: ['p95 of GET /search rose by 12 %, more than 2 %.'], notes: [],
    comparability: { same_load: true, same_regions: true, same_tasks: true, same_plan: true, trusted: true, complete: true, same_times: true },
    thresholds: { relative_pct: 2, error_points: 0.5 }, totals: metrics(1, total), labels: blocks.slice(0, 50).map((one, n) => ({ label: one.label ?? '', change: 'same', requests_base: one.count, requests_candidate: one.count, metrics: metrics(n, one) })),
    added: ['POST /checkout'], removed: [], inconclusive: [],
  };
  return {
    record: {
      testId: 'q7w8e9r0t1', testRunId: 'a1b2c3d4e5', testName: isHostile ? `shop ${TEXTS[0]} ${HOSTILE.reversed}` : 'Shop, steady', testDescription: '', testType: 'simple', status: 'complete', startTime: '2026-03-04 09:00:00', endTime: '2026-03-04 09:10:06', scheduleTimezone: 'UTC',
      testTaskConfigs: [{ region: 'eu-west-1', taskCount: runners / 2, concurrency: 1 }, { region: 'us-east-1', taskCount: runners / 2, concurrency: 1 }],
      testScenario: plan as never, results: {}, completeTasks: {},
      note: isHostile ? TEXTS.join('\n') : 'New cache in front of the shop.\nSecond try, after the warm-up was fixed.',
      outcome: { word: 'failed', passed: false, thresholds: [
        { expression: 'p(95)<250ms', observed: '166.231ms', passed: true }, { expression: 'error_rate<1%', observed: `${((failed / count) * 100).toPrecision(4)}%`, passed: false }, { expression: 'rate>180/s', observed: '190/s', passed: true },
        { expression: `${isHostile ? HOSTILE.html : 'POST /checkout'}: p(99)<400ms`, observed: '391ms', passed: true }, { expression: 'GET /gone: p(95)<1s', observed: null, passed: false, reason: 'no such label' },
      ] },
      verdict: { trust: 'degraded', reasons: [{ code: 'lag', trust: 'degraded', message: isHostile ? HOSTILE.html : 'On one runner 1 % of the requests left more than 5 ms late: give it more CPU, or use more runners.', runners: ['a1b2c3d4e5-us-east-1-4'], from_s: Math.floor(seconds * 0.62), to_s: Math.floor(seconds * 0.7) }] },
      account: { scheduled: count, dropped: 0, unconnected: 3, sent: count - 3, resent: 2, ok: count - failed, failed, unfinished: 0, lost: null, balanced: true },
      coverage: { complete: true, runners_expected: runners, runners_reported: runners, missing: [], missing_intervals: 0 },
      start: { start_at: START * 1_000, skew_p50_us: 92, skew_p99_us: 231, skew_max_us: 247, clock_error_us: 21 },
      generator: { addresses: [['192.0.2.7:443', Math.round(count * 0.6)], ['[2001:db8::7]:443', Math.round(count * 0.4)]], http_versions: [['2', count]], public_addresses: made(runners, (n) => `203.0.113.${n + 1}`) },
      load: { model: 'open', arrivals: 200, planned: [[0, 0], [seconds / 10, 200], [seconds, 200]] },
      summary: { loaded_us: seconds * 1e6, times_over: 'ok', total, regions: { 'eu-west-1': block(Math.ceil(count / 2), Math.ceil(failed / 2), 151_870), 'us-east-1': block(Math.floor(count / 2), Math.floor(failed / 2), 181_440) }, labels: blocks, transactions: made(2, (n): Block => ({ ...block(4_000 - n * 1_500, n * 12, 410_120 + n * 90_000), label: isHostile ? (TEXTS[n] ?? '') : (['buy', 'browse'][n] ?? ''), kind: 'transaction', unfinished: n })) },
      setup: { requests: 2, took_us: 41_300 }, teardown: { requests: 1, took_us: 9_100, failure: isHostile ? HOSTILE.html : 'DELETE /carts: answered 503' },
      errors: [
        { cause: 'status-5xx', code: '503', message: isHostile ? HOSTILE.close : 'The target answered 503.', count: sum((row) => row.causes.find(([cause]) => cause === 'status-5xx')?.[1] ?? 0), labels: { [name(7)]: 800, [name(1)]: 90, [name(2)]: 31 }, runners: { 'a1b2c3d4e5-eu-west-1-1': 500, 'a1b2c3d4e5-us-east-1-4': 593 }, regions: { 'eu-west-1': 500, 'us-east-1': 593 }, first_at: START + 41_000, last_at: START + 430_000,
          exchanges: [{ request: 'POST /checkout HTTP/2\nhost: shop.example\nauthorization: (redacted)\ncontent-type: application/json', response: isHostile ? TEXTS.join('\n') : 'HTTP/2 503\nretry-after: 1\ncontent-type: text/html\n\n<html><body>Service unavailable</body></html>' }, { request: 'POST /checkout HTTP/2', response: '' }] },
        { cause: 'timeout-first-byte', message: 'No byte of an answer came within 5 s.', count: sum((row) => row.causes.find(([cause]) => cause === 'timeout-first-byte')?.[1] ?? 0), labels: { [name(7)]: 40 }, runners: { 'a1b2c3d4e5-us-east-1-4': 360 }, regions: { 'us-east-1': 360 }, first_at: START + 372_000, last_at: START + 425_000 },
      ],
      warnings: isHostile ? TEXTS : [],
    },
    timeline: { format: 2, start_at_us: START * 1_000, end_s: rows.length, total: rows, regions: {}, labels: blocks.slice(0, 8).map((one, n) => series(one.label ?? '', n, seconds)) },
    step_s: 1, histogram_ok: histogram('ok', count - failed, 166_231), histogram_failed: histogram('failed', failed, 41_000),
    runners: made(runners, runner), baseline: { comparison }, made_at: '2026-03-04T09:15:02Z', version: '0.1.0',
  };
}

/** A run that ended before anything was measured. */
export function nothingMeasured(word: 'failed' | 'cancelled'): ReportData {
  const { record, version, made_at } = reportData({ seconds: 10 });
  for (const field of ['summary', 'account', 'errors', 'start', 'generator', 'verdict', 'load', 'note', 'setup', 'teardown'] as const) Reflect.deleteProperty(record, field);
  return {
    record: { ...record, status: word, errorReason: 'Of 12 runners only 3 were ready within 5 minutes.', outcome: { word, passed: false, could_not_run: word === 'failed', thresholds: [{ expression: 'p(95)<250ms', observed: null, passed: false, reason: 'nothing was measured' }] }, coverage: { complete: false, runners_expected: 12, runners_reported: 0, missing: made(12, (n) => `runner-${n}`), missing_intervals: 0 } },
    timeline: null, step_s: 1, histogram_ok: null, histogram_failed: null, runners: [], baseline: null, made_at, version,
  };
}

/** As the command writes it into the template. */
export function fill(template: string, data: unknown): string {
  const json = JSON.stringify(data).replace(/[<\u2028\u2029]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`);
  return template.replace('<!-- dlt-report-data -->', () => `<script type="application/json" id="dlt-report">${json}</script>`);
}
