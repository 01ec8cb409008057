// A plan in words, and the curve that it asks for: what the forms and pages say beside a
// scenario. Judging a plan is the API's; what cannot be read here is left out.
import { count, duration as show, plain } from '../numbers/format';
import { capital } from '../numbers/standing';

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
export type Fields = { [key: string]: unknown };

/** Seconds of a duration as Taurus writes it (`1m30s`, `500ms`, `20`); null if it is none. */
export function seconds(text: unknown): number | null {
  if (typeof text === 'number') return text;
  if (typeof text !== 'string') return null;
  const compact = text.replace(/\s+/g, '');
  if (/^\d+(\.\d+)?$/.test(compact)) return Number(compact);
  const units: Record<string, number> = { ms: 0.001, s: 1, m: 60, h: 3_600, d: 86_400 };
  let sum = 0;
  let rest = compact;
  while (rest) {
    const match = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)/.exec(rest);
    if (!match) return null;
    sum += Number(match[1]) * (units[match[2] ?? ''] ?? 0);
    rest = rest.slice(match[0].length);
  }
  return compact ? sum : null;
}

export const number = (value: unknown): number | null => {
  const n = typeof value === 'string' && value.trim() !== '' ? Number(value) : value;
  return typeof n === 'number' && Number.isFinite(n) ? n : null;
};

/** The longest load, s. */
const LONGEST_S = 31 * 86_400;

/** Seconds, and the load then. */
type Point = [number, number];

const hasStages = (item: Fields): boolean => Array.isArray(item['stages']) && item['stages'].length > 0;

/** The planned curve of an execution item: points, linear between. */
export function curve(item: Fields, tasks: number): { points: Point[]; isOpen: boolean } {
  const isOpen = item['arrivals'] !== undefined && item['arrivals'] !== '';
  const stages = Array.isArray(item['stages']) ? (item['stages'] as Fields[]) : [];
  const target = isOpen ? number(item['arrivals']) : (number(item['users']) ?? (number(item['concurrency']) ?? 1) * tasks);
  const points: Point[] = [];
  if (stages.length > 0) {
    let at = 0;
    points.push([0, 0]);
    for (const stage of stages) {
      at += seconds(stage['duration']) ?? 0;
      points.push([at, number(stage['target']) ?? 0]);
    }
    // A first stage of no length is where the load begins.
    if (points[1]?.[0] === 0) points.shift();
    const total = isOpen ? number(item['total-requests']) : null;
    return { points: total ? cutAfter(points, total) : points, isOpen };
  }
  const ramp = seconds(item['ramp-up']) ?? 0;
  const total = isOpen ? number(item['total-requests']) : null;
  const hold = seconds(item['hold-for']) ?? (total ? LONGEST_S - ramp : 0);
  points.push(...(ramp > 0 ? ([[0, 0], [ramp, target ?? 0]] as Point[]) : ([[0, target ?? 0]] as Point[])));
  points.push([ramp + hold, target ?? 0]);
  return { points: total ? cutAfter(points, total) : points, isOpen };
}

/** Arrivals per second, up to where so many are planned. */
function cutAfter(points: Point[], most: number): Point[] {
  let left = most;
  const kept: Point[] = points.slice(0, 1);
  for (const [n, [to, value]] of points.slice(1).entries()) {
    const [from, before] = points[n] ?? [0, 0];
    const area = ((before + value) / 2) * (to - from);
    if (area >= left) {
      const slope = (value - before) / (to - from);
      // Of before·t + slope/2·t² = left the time, without cancellation.
      const t = (2 * left) / (before + Math.sqrt(Math.max(0, before * before + 2 * slope * left)));
      return [...kept, [from + t, before + slope * t]];
    }
    left -= area;
    kept.push([to, value]);
  }
  return kept;
}

/** A planned number: whole ones as they are written, others by three digits. */
const amount = (value: number): string => (Number.isInteger(value) ? count(value) : plain(Number(value.toPrecision(3))));

/** A length by three digits: below a minute tenths and less may be planned. */
const lengthInWords = (s: number): string => (s < 60 && !Number.isInteger(s) ? `${amount(s)} s` : show(s));

/** "1 user", "2 arrivals per second" */
function named(value: number, isOpen: boolean): string {
  const one = isOpen ? 'arrival' : 'user';
  return `${amount(value)} ${one}${value === 1 ? '' : 's'}${isOpen ? ' per second' : ''}`;
}

/** "from 0 to 8 users in 10 s"; the first says what of and where from. */
function stageInWords([from, before]: Point, [to, value]: Point, isFirst: boolean, isOpen: boolean): string {
  const length = lengthInWords(to - from);
  const target = isFirst ? named(value, isOpen) : amount(value);
  if (before === value) return `${target} for ${length}`;
  return `${isFirst ? `from ${amount(before)} to` : value > before ? 'up to' : 'down to'} ${target} in ${length}`;
}

/** "200 arrivals per second for 10 min" */
export function loadInWords(item: Fields, tasks: number): string {
  const { points, isOpen } = curve(item, tasks);
  const last = points.at(-1)?.[0] ?? 0;
  const most = Math.max(0, ...points.map((point) => point[1]));
  const total = number(item['total-requests']);
  const requests = `${count(total)} ${total === 1 ? 'request' : 'requests'}`;
  const all = total ? `, ${requests} in all` : '';
  if (hasStages(item)) {
    return `${points.slice(1).map((point, n) => stageInWords(points[n] ?? [0, 0], point, n === 0, isOpen)).join(', then ')}${all}`;
  }
  const ramp = seconds(item['ramp-up']) ?? 0;
  // The last request may come before the rise is over: what is planned above that is never reached.
  const [start, end] = points;
  if (total && isOpen && start && end && last < ramp) return `${stageInWords(start, end, true, isOpen)}, where the load ends after ${requests}`;
  const rounds = number(item['iterations']);
  const hold = last - ramp > 0 ? ` for ${lengthInWords(last - ramp)}` : '';
  return `${named(most, isOpen)}${ramp > 0 ? ` after a rise of ${lengthInWords(ramp)}` : ''}${rounds ? `, ${count(rounds)} ${rounds === 1 ? 'round' : 'rounds'} each` : ''}${hold}${all}`;
}

/** Requests over the run, where each item counts them. */
export function requestsInAll(plan: Fields | undefined): number | undefined {
  const items = Array.isArray(plan?.['execution']) ? (plan['execution'] as Fields[]) : [];
  const totals = items.map((item) => number(item['total-requests']));
  return totals.length > 0 && totals.every((total) => total) ? totals.reduce<number>((sum, total) => sum + (total ?? 0), 0) : undefined;
}

/** How long the load lasts, s: of several items that run side by side the longest. */
export function lengthOf(plan: Fields | undefined): number {
  const items = Array.isArray(plan?.['execution']) ? (plan['execution'] as Fields[]) : [];
  return Math.max(0, ...items.map((item) => curve(item, 1).points.at(-1)?.[0] ?? 0));
}

/** The load that a plan asks for, where nobody tells it: all its items added. Undefined where they differ in kind or
    length, and where a count of rounds or requests ends the load. */
export function loadOf(plan: Fields | undefined, tasks: number): { model: 'open' | 'closed'; planned: Point[] } | undefined {
  const items = Array.isArray(plan?.['execution']) ? (plan['execution'] as Fields[]) : [];
  const curves = items.map((item) => curve(item, tasks));
  const [first] = curves;
  const endOf = (one: typeof first) => one?.points.at(-1)?.[0];
  const isAlike = curves.every((one) => one.isOpen === first?.isOpen && endOf(one) === endOf(first));
  if (!first || !isAlike || items.some((item) => number(item['iterations']) || (!first.isOpen && number(item['total-requests'])))) return undefined;
  const times = [...new Set(curves.flatMap((one) => one.points.map(([at]) => at)))].sort((a, b) => a - b);
  const sum = (at: number) => curves.reduce((all, { points }) => all + valueAt(points, at), 0);
  // A jump has two values at one instant.
  const after = (at: number) => curves.reduce((all, { points }) => all + (points.findLast((point) => point[0] === at)?.[1] ?? valueAt(points, at)), 0);
  const planned = times.flatMap((at): Point[] => (sum(at) === after(at) ? [[at, sum(at)]] : [[at, sum(at)], [at, after(at)]]));
  return { model: first.isOpen ? 'open' : 'closed', planned };
}

/** Linear between points. */
function valueAt(points: Point[], at: number): number {
  const next = points.findIndex((point) => point[0] >= at);
  const [to, value] = points[next] ?? [at, 0];
  const [from, before] = points[next - 1] ?? [to, value];
  return to > from ? before + ((value - before) * (at - from)) / (to - from) : value;
}

/** Requests that an arrival makes, where all items have as many; undefined where they differ. */
export function requestsPerWalk(plan: Fields | undefined): number | undefined {
  const items = Array.isArray(plan?.['execution']) ? (plan['execution'] as Fields[]) : [];
  const scenarios = (plan?.['scenarios'] ?? {}) as Record<string, Fields>;
  const lengths = new Set(
    items.map((item) => {
      const requests = scenarios[String(item['scenario'])]?.['requests'];
      return Array.isArray(requests) ? requests.length : 0;
    }),
  );
  const [only] = lengths;
  return lengths.size === 1 && only ? only : undefined;
}

export function planInWords(plan: Fields | undefined, tasks: { region: string; taskCount: unknown }[]): string {
  const items = Array.isArray(plan?.['execution']) ? (plan['execution'] as Fields[]) : [];
  const sum = tasks.reduce((all, row) => all + (number(row.taskCount) ?? 0), 0);
  const where = `from ${tasks.length} ${tasks.length === 1 ? 'region' : 'regions'}, ${count(sum)} ${sum === 1 ? 'runner' : 'runners'}`;
  const load = items.map((item) => loadInWords(item, sum)).join('; beside it ');
  return load ? `${capital(load)}, ${where}.` : `No load is planned, ${where}.`;
}
