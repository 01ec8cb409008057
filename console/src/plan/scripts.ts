// Scenarios that are a script of another tool: which files each takes, and the draft that
// names one. Whether it can run is the API's word.
import { get, set } from './draft';
import type { Fields } from './words';

export type Kind = 'simple' | 'jmeter' | 'k6' | 'locust';

export const KINDS: { kind: Kind; name: string; endings: string[] }[] = [
  { kind: 'simple', name: 'Requests', endings: [] },
  { kind: 'jmeter', name: 'JMeter', endings: ['.jmx'] },
  { kind: 'k6', name: 'k6', endings: ['.js', '.ts', '.mjs'] },
  { kind: 'locust', name: 'Locust', endings: ['.py'] },
];

export function kindOf(draft: Fields): Kind {
  return KINDS.find((one) => one.kind === draft['testType'])?.kind ?? 'simple';
}

export function nameOf(kind: Kind): string {
  return KINDS.find((one) => one.kind === kind)?.name ?? kind;
}

/** Endings of the files that a kind takes. */
export function endingsOf(kind: Kind): string[] {
  const own = KINDS.find((one) => one.kind === kind)?.endings ?? [];
  return own.length > 0 ? [...own, '.zip'] : [];
}

/** `.js, .ts or .zip`. */
export function oneOf(endings: string[]): string {
  return [endings.slice(0, -1).join(', '), ...endings.slice(-1)].filter((part) => part !== '').join(' or ');
}

/** What is wrong with a file for this kind; empty where nothing is. */
export function fileFault(kind: Kind, name: string, bytes: number): string {
  const endings = endingsOf(kind);
  if (!endings.some((ending) => name.toLowerCase().endsWith(ending))) return `${nameOf(kind)} takes a file that ends with ${oneOf(endings)}: choose another.`;
  if (bytes === 0) return 'The file is empty: choose another.';
  return '';
}

/** The draft as another kind. What is common stays: name, length, where, thresholds. */
export function asKind(draft: Fields, kind: Kind): Fields {
  const old = (get(draft, ['testScenario', 'execution', 0]) as Fields | undefined) ?? {};
  const name = 'main';
  const item: Fields = { scenario: name };
  for (const key of ['users', 'concurrency', 'ramp-up', 'hold-for']) if (old[key] !== undefined) item[key] = old[key];
  if (item['users'] === undefined && item['concurrency'] === undefined) item['users'] = 10;
  if (item['hold-for'] === undefined) Object.assign(item, { 'ramp-up': '0s', 'hold-for': '30s' });
  const scenario = kind === 'simple' ? { requests: [] } : { script: '' };
  if (kind !== 'simple') item['executor'] = kind;
  return { ...draft, testType: kind, fileType: kind === 'simple' ? 'none' : 'script', testScenario: { execution: [item], scenarios: { [name]: scenario } } };
}

/** The script that a draft names; empty where it names none. */
export function scriptOf(draft: Fields): string {
  return String(get(draft, [...scriptPath(draft), 'script']) ?? '');
}

export function withScript(draft: Fields, name: string): Fields {
  return { ...set(draft, [...scriptPath(draft), 'script'], name), fileType: name.toLowerCase().endsWith('.zip') ? 'zip' : 'script' };
}

function scriptPath(draft: Fields): string[] {
  return ['testScenario', 'scenarios', String(get(draft, ['testScenario', 'execution', 0, 'scenario']) ?? 'main')];
}
