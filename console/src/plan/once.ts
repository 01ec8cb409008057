// One iteration of a draft, to see what it sends and what comes back: a one-off run that
// keeps its exchanges. What it may be, the API says.
import { get, type Path } from './draft';
import type { Fields } from './words';

/** Longer than any iteration that somebody waits for: the run ends after its iteration. */
const HOLD = '5m';
/** Of how the load is made, this changes what a single request does, too. */
const KEPT = ['dns', 'retry'];
/** Fields that name a file of the scenario, and those whose entries do. */
const NAME_FILES = new Set(['body-file', 'ca-file', 'cert-file', 'key-file']);
const HOLD_FILES = new Set(['data-sources', 'upload-files']);
/** What is in them is the target's: a field of such a name there is a text that is sent. */
const OF_TARGET = new Set(['body', 'form', 'headers', 'variables', 'assert']);

/** The scenario that is tried: what the form shows. */
function triedName(draft: Fields): string {
  return String(get(draft, ['testScenario', 'execution', 0, 'scenario']) ?? 'main');
}

/** The body of the run. `known` is the one-off scenario of an earlier try, or that whose files were sent, `kept` the scenario whose draft it is. */
export function onceBody(draft: Fields, region: string, room: unknown, { known = '', kept = '' }: { known?: string; kept?: string } = {}): Fields {
  const name = triedName(draft);
  const plan = (draft['testScenario'] ?? {}) as Fields;
  const first = (get(plan, ['execution', 0]) ?? {}) as Fields;
  const load = Object.fromEntries(KEPT.filter((key) => first[key] !== undefined).map((key) => [key, first[key]]));
  return {
    testName: `Try of ${String(draft['testName'] || 'a draft')}`.slice(0, 255),
    testDescription: 'One iteration, tried in the console',
    testType: 'simple',
    showLive: false,
    tags: [],
    thresholds: null,
    oneOff: true,
    keep_exchanges: 'all',
    testTaskConfigs: [{ region, taskCount: 1, concurrency: 1 }],
    testScenario: {
      ...plan,
      execution: [{ ...load, scenario: name, concurrency: 1, 'ramp-up': '0s', 'hold-for': HOLD, iterations: 1 }],
      scenarios: { [name]: get(plan, ['scenarios', name]) },
    },
    regionalTaskDetails: room,
    ...(known ? { testId: known } : {}),
    ...(kept ? { secretsOf: kept } : {}),
  };
}

/** What is tried of a draft, to know whether it was changed since. */
export function triedPart(draft: Fields): string {
  const name = triedName(draft);
  return JSON.stringify([name, get(draft, ['testScenario', 'scenarios', name]), get(draft, ['testScenario', 'execution', 0, 'dns'])]);
}

/** The files that are read by what is tried, each once. */
export function filesOf(draft: Fields): string[] {
  const found = new Set<string>();
  const add = (value: unknown) => {
    if (typeof value === 'string' && value !== '') found.add(value);
  };
  const walk = (value: unknown) => {
    if (Array.isArray(value)) return value.forEach(walk);
    if (typeof value !== 'object' || value === null) return;
    for (const [key, inner] of Object.entries(value)) {
      if (NAME_FILES.has(key)) add(inner);
      else if (HOLD_FILES.has(key)) for (const one of [inner].flat()) add(typeof one === 'string' ? one : get(one, ['path']));
      else if (!OF_TARGET.has(key)) walk(inner);
    }
  };
  walk(get(draft, ['testScenario', 'scenarios', triedName(draft)]));
  return [...found];
}

/** Which of the files that are read were not chosen here. */
export function missingFiles(draft: Fields, chosen: readonly { name: string }[]): string[] {
  return filesOf(draft).filter((name) => !chosen.some((file) => file.name === name));
}

/** Whether the path of a fault is one that the form has a field for. */
export function isOfRequests(path: string, of: Path): boolean {
  return path.startsWith(of.map(String).join('.'));
}

/** How many checks the request with a label has, besides its status. */
export function checksOf(draft: Fields, label: string): number {
  const requests = get(draft, ['testScenario', 'scenarios', triedName(draft), 'requests']);
  const found = Array.isArray(requests) ? (requests as unknown[]).find((one) => get(one, ['label']) === label) : undefined;
  const checks = get(found, ['assert']);
  return Array.isArray(checks) ? checks.length : 0;
}
