// A scenario while it is being written: the API's own body, changed in place by path, so
// that what a form does not know survives. Judging it is the API's.
import type { Fault } from '../api/client';
import type { ScenarioRecord } from '../api/types';
import { bodyOf } from './start';
import { number, type Fields } from './words';

export type Path = (string | number)[];

export function get(value: unknown, path: Path): unknown {
  let at: unknown = value;
  for (const part of path) {
    if (at === null || typeof at !== 'object') return undefined;
    at = (at as Record<string | number, unknown>)[part];
  }
  return at;
}

/** A copy with one value changed; undefined takes the key away. */
export function set<T>(value: T, path: Path, next: unknown): T {
  const [part, ...rest] = path;
  if (part === undefined) return next as T;
  const inner = rest.length === 0 ? next : set((value as Fields | undefined)?.[part as string] ?? (typeof rest[0] === 'number' ? [] : {}), rest, next);
  if (Array.isArray(value)) {
    const list = [...(value as unknown[])];
    if (inner === undefined && rest.length === 0) list.splice(Number(part), 1);
    else list[Number(part)] = inner;
    return list as T;
  }
  const fields = new Map(Object.entries((value ?? {}) as Fields));
  if (inner === undefined) fields.delete(String(part));
  else fields.set(String(part), inner);
  return Object.fromEntries(fields) as T;
}

const ID_LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';

export function newId(): string {
  return [...crypto.getRandomValues(new Uint8Array(10))].map((byte) => ID_LETTERS[byte % ID_LETTERS.length]).join('');
}

export function emptyDraft(region: string): Fields {
  return {
    testName: '',
    testDescription: '',
    testType: 'simple',
    showLive: true,
    tags: [],
    thresholds: [],
    testTaskConfigs: [{ region, taskCount: 1, concurrency: 1 }],
    testScenario: {
      execution: [{ scenario: 'main', users: 10, 'ramp-up': '0s', 'hold-for': '30s' }],
      scenarios: { main: { requests: [] } },
    },
  };
}

/** A kept scenario as a draft: without the copy under the test's name that DLT's console needs. */
export function draftOf(record: ScenarioRecord): Fields {
  const body = bodyOf(record);
  const plan = body['testScenario'] as { execution?: Fields[]; scenarios?: Record<string, unknown> };
  const used = new Set((plan.execution ?? []).map((item) => String(item['scenario'])));
  const scenarios = Object.fromEntries(
    Object.entries(plan.scenarios ?? {}).filter(([name]) => used.has(name) || name !== record.testName),
  );
  const drafted: Fields = { ...body, testScenario: { ...plan, scenarios } };
  if (record.nextRun) {
    drafted['scheduleTimezone'] = record.scheduleTimezone;
    if (record.cronValue) {
      drafted['cronValue'] = record.cronValue;
      if (record.cronExpiryDate) drafted['cronExpiryDate'] = record.cronExpiryDate;
    } else {
      drafted['scheduleDate'] = record.scheduleDate ?? record.nextRun.slice(0, 10);
      drafted['scheduleTime'] = record.scheduleTime ?? record.nextRun.slice(11, 16);
      if (record.scheduleRecurrence) drafted['recurrence'] = record.scheduleRecurrence;
    }
  }
  return drafted;
}

/** What a person leaves out and the API wants: a description, and users of each runner. */
export function completed(draft: Fields): Fields {
  const name = String(draft['testName'] ?? '');
  const text = String(draft['testDescription'] ?? '').trim();
  const tasks = (draft['testTaskConfigs'] as Fields[] | undefined) ?? [];
  const count = tasks.reduce((sum, row) => sum + (number(row['taskCount']) ?? 0), 0) || 1;
  const users = number(get(draft, ['testScenario', 'execution', 0, 'users']));
  const each = users === null ? null : Math.min(25_000, Math.max(1, Math.ceil(users / count)));
  return {
    ...draft,
    testDescription: text.length >= 3 ? text : name,
    testTaskConfigs: tasks.map((row) => (each === null ? row : { ...row, concurrency: each })),
  };
}

/** The tokens of a path, as the API writes them: `a.b[0]["c d"]`. */
function tokens(path: string): string[] {
  return path.split(/[.[\]"']+/).filter(Boolean);
}

/** The messages that belong to a field: those of its path, or below it. */
export function faultsAt(faults: Fault[], path: Path, below = true): string {
  const wanted = path.map(String).flatMap(tokens);
  return faults
    .filter(({ path: found }) => {
      const parts = tokens(found);
      const fits = wanted.every((token, at) => parts[at] === token);
      return fits && (below || parts.length === wanted.length);
    })
    .map(({ path: found, message }) => {
      const rest = tokens(found).slice(wanted.length).join('.');
      return rest ? `${rest}: ${message}` : message;
    })
    .join('; ');
}
