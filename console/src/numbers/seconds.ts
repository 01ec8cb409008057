// A run's seconds: of stored timelines and of ticks, by region, each once, added where
// regions or stretches are added. Charts get columns from here; drawing is theirs.
import type { Measured, RunnerRow, RunnerState, Second, Tick, Timeline } from '../api/types';
import { Coarse } from './coarse';

const HOUR = 3_600;
const MINUTE = 60;

/** How long the stretch is that begins at `second`: 1 s, after 6 h 10 s, after 3 days 60 s. */
export function resolution(second: number): number {
  if (second < 6 * HOUR) return 1;
  return second < 72 * HOUR ? 10 : 60;
}

/** One stretch, added over regions. */
export interface Stretch {
  from: number;
  length: number;
  users: number;
  /** That made load at its end; null where that is not told. */
  runners: number | null;
  scheduled: number;
  sent: number;
  ok: number;
  failed: number;
  dropped: number;
  bytes: number;
  causes: Map<string, number>;
  latency: Coarse;
  failedLatency: Coarse;
  lag: Coarse;
}

type Heard = { stored?: Second; ticks: Map<string, Tick> };

/** What is known of a run's seconds; grows while it runs. */
export class RunSeconds {
  private readonly regions = new Map<string, Map<number, Heard>>();
  private readonly newest = new Map<string, Tick>();
  /** Whole minutes over all regions, as far as they were asked for; null where nothing is known. */
  private readonly minutes = new Map<number, Stretch | null>();
  /** What is long past, over all regions: stretches of `step` seconds that end at `until`. */
  private past: { until: number; step: number; stretches: readonly Stretch[] } = { until: 0, step: 1, stretches: [] };
  /** The last second that was heard; -1 before the first. */
  last = -1;
  /** Rises with each change, so that a page knows when to draw. */
  version = 0;

  private at(region: string, second: number): Heard {
    this.minutes.delete(Math.floor(second / MINUTE));
    let seconds = this.regions.get(region);
    if (!seconds) this.regions.set(region, (seconds = new Map()));
    let heard = seconds.get(second);
    if (!heard) seconds.set(second, (heard = { ticks: new Map() }));
    return heard;
  }

  /** Runners tell one second more after the last answer: nothing in it is worth showing. */
  private reach(second: Measured, length: number): void {
    if (second.scheduled + second.ok + second.failed + second.users === 0 && second.second > 0) return;
    this.last = Math.max(this.last, second.second + length - 1);
  }

  /** Takes what is long past in coarse stretches, which begin at multiples of `step`: seconds
      before `until`, a multiple of it, are known by them alone. */
  begin(stretches: readonly Stretch[], step: number, until: number): this {
    this.past = { until, step, stretches };
    this.minutes.clear();
    const end = stretches.at(-1);
    if (end) this.last = Math.max(this.last, Math.min(end.from + end.length, until) - 1);
    this.version += 1;
    return this;
  }

  /** Until where coarse stretches are all that is known, and how long each is. */
  get coarse(): { until: number; step: number } {
    return this.past;
  }

  store(timeline: Timeline, isOver = false): this {
    for (const [region, seconds] of Object.entries(timeline.regions)) {
      for (const [at, second] of seconds.entries()) {
        const length = resolution(second.second);
        // The last one grows while the run goes on: its ticks tell it by the second.
        const isGrowing = length > 1 && at === seconds.length - 1 && !isOver;
        if (second.second < this.past.until || isGrowing) continue;
        this.at(region, second.second).stored = second;
        this.reach(second, length);
      }
    }
    this.version += 1;
    return this;
  }

  /** A tick, told once or again: the one of a leader counts once, those of workers without a leader are added. */
  tick(tick: Tick): void {
    const teller = tick.runners.length === 1 ? (tick.runners[0]?.[0] ?? '') : 'region';
    if (tick.second >= this.past.until) this.at(tick.region, tick.second).ticks.set(teller, tick);
    this.reach(tick, 1);
    const newest = this.newest.get(tick.region);
    if (!newest || newest.second <= tick.second) this.newest.set(tick.region, tick);
    this.version += 1;
  }

  /** The runners as the newest ticks list them, and how many others there are by state. */
  runners(): { rows: { region: string; row: RunnerRow }[]; others: [RunnerState, number][] } {
    const others = new Map<RunnerState, number>();
    const rows: { region: string; row: RunnerRow }[] = [];
    for (const [region, tick] of [...this.newest].sort(([a], [b]) => a.localeCompare(b))) {
      for (const row of tick.runners) rows.push({ region, row });
      for (const [state, count] of Object.entries(tick.others ?? {})) {
        others.set(state as RunnerState, (others.get(state as RunnerState) ?? 0) + count);
      }
    }
    return { rows, others: [...others] };
  }

  /** The seconds from `from` to before `to`, as at most `most` stretches of equal length. */
  stretches(from = 0, to = this.last + 1, most = 600): Stretch[] {
    const begin = Math.max(0, Math.floor(from));
    const end = Math.min(this.last + 1, Math.ceil(to));
    if (end <= begin) return [];
    const least = Math.ceil((end - begin) / most);
    // Whole ones of what is known, or each would hold another number of seconds.
    const unit = begin < this.past.until ? this.past.step : least > MINUTE ? MINUTE : resolution(end - 1);
    const length = Math.ceil(least / unit) * unit;
    const all: Stretch[] = [];
    for (let at = begin - (begin % length); at < end; at += length) {
      const stretch = empty(at, Math.min(length, this.last + 1 - at));
      this.addRange(stretch, at, at + length);
      all.push(stretch);
    }
    return all;
  }

  /** All of a window as one. */
  sum(from = 0, to = this.last + 1): Stretch {
    const whole = empty(from, to - from);
    this.addRange(whole, Math.max(0, from), to);
    return whole;
  }

  /** Adds a window; whole minutes were added before, so that a day is drawn as fast as an hour. */
  private addRange(into: Stretch, from: number, to: number): void {
    const { until, stretches } = this.past;
    if (from < until) for (const one of stretches) if (one.from >= from && one.from < to) addStretch(into, one);
    let second = Math.max(from, until);
    while (second < to) {
      if (second % MINUTE === 0 && second + MINUTE <= to) {
        const minute = this.minute(second / MINUTE);
        if (minute) addStretch(into, minute);
        second += MINUTE;
      } else {
        const length = resolution(second);
        const end = Math.min(to, second - (second % length) + length);
        this.addPart(into, second, end);
        second = end;
      }
    }
  }

  private minute(number: number): Stretch | null {
    const known = this.minutes.get(number);
    if (known !== undefined) return known;
    const made = empty(number * MINUTE, MINUTE);
    let isHeard = false;
    for (let second = made.from; second < made.from + MINUTE; second += resolution(second)) {
      isHeard = this.addPart(made, second, second + resolution(second)) || isHeard;
    }
    const kept = isHeard ? made : null;
    this.minutes.set(number, kept);
    return kept;
  }

  /** Adds a stretch as it is stored, or the part of it from `from` to before `to`, over
      regions. What is stored counts where it begins, what was told by the second. Users and
      runners are states: those of the newest second stay. */
  private addPart(into: Stretch, from: number, to: number): boolean {
    const begin = from - (from % resolution(from));
    let users = 0;
    let runners: number | null = null;
    let isHeard = false;
    for (const seconds of this.regions.values()) {
      const stored = seconds.get(begin)?.stored;
      let newest: (Second | Tick)[] = [];
      if (stored) {
        if (from === begin) addCounted(into, (newest = [stored]));
      } else {
        for (let second = from; second < to; second++) {
          const told = [...(seconds.get(second)?.ticks.values() ?? [])];
          if (told.length > 0) addCounted(into, (newest = told));
        }
      }
      isHeard ||= newest.length > 0;
      for (const one of newest) {
        users += one.users;
        const making = loadingIn(one);
        if (making !== undefined) runners = (runners ?? 0) + making;
      }
    }
    if (isHeard) {
      into.users = users;
      into.runners = runners;
    }
    return isHeard;
  }
}

function addCounted(into: Stretch, seconds: readonly (Second | Tick)[]): void {
  for (const one of seconds) {
    addCounts(into, one);
    for (const [cause, count] of one.causes) bump(into.causes, cause, count);
    into.latency.add(one.latency);
    into.failedLatency.add(one.latency_failed);
    into.lag.add(one.lag);
  }
}

function empty(from: number, length: number): Stretch {
  return {
    from,
    length: Math.max(1, length),
    users: 0,
    runners: null,
    scheduled: 0,
    sent: 0,
    ok: 0,
    failed: 0,
    dropped: 0,
    bytes: 0,
    causes: new Map(),
    latency: new Coarse(),
    failedLatency: new Coarse(),
    lag: new Coarse(),
  };
}

/** How many runners make load: a timeline has their number, a tick names them too. */
function loadingIn(one: Second | Tick): number | undefined {
  if (!Array.isArray(one.runners)) return one.runners;
  return (one as Tick).loading ?? one.runners.filter(([, state]) => state === 'loading').length;
}

type Counts = Pick<Stretch, 'scheduled' | 'sent' | 'ok' | 'failed' | 'dropped' | 'bytes'>;

function addCounts(to: Counts, from: Counts): void {
  to.scheduled += from.scheduled;
  to.sent += from.sent;
  to.ok += from.ok;
  to.failed += from.failed;
  to.dropped += from.dropped;
  to.bytes += from.bytes;
}

function addStretch(to: Stretch, from: Stretch): void {
  addCounts(to, from);
  to.users = from.users;
  to.runners = from.runners;
  for (const [cause, count] of from.causes) bump(to.causes, cause, count);
  to.latency.merge(from.latency);
  to.failedLatency.merge(from.failedLatency);
  to.lag.merge(from.lag);
}

export function bump(counts: Map<string, number>, key: string, by: number): void {
  counts.set(key, (counts.get(key) ?? 0) + by);
}

/** The causes of some stretches, most frequent first. */
export function causesOf(stretches: Stretch[]): string[] {
  const counts = new Map<string, number>();
  for (const stretch of stretches) for (const [cause, count] of stretch.causes) bump(counts, cause, count);
  return [...counts].sort((a, b) => b[1] - a[1] || a[0].localeCompare(b[0])).map(([cause]) => cause);
}

/** The planned value at a second: rows are points, linear between. */
export function plannedAt(planned: readonly (readonly [number, number])[], second: number): number | null {
  let low = 0;
  let high = planned.length - 1;
  if (high < 0) return null;
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if ((planned[middle]?.[0] ?? 0) <= second) low = middle;
    else high = middle - 1;
  }
  const [at, value] = planned[low] ?? [0, 0];
  const next = planned[low + 1];
  if (!next || second <= at) return second - at > 60 && !next ? null : value;
  return value + ((next[1] - value) * (second - at)) / (next[0] - at);
}

/** A region stores its seconds each 10 s, not all at once; one that is behind for longer is not waited for. */
const LATEST_S = 15;

/** Until where all regions of a run in progress are told: sums beyond it lack some. */
export function toldBy(timeline: Timeline): number {
  const ends = Object.values(timeline.regions).map((seconds) => (seconds.at(-1)?.second ?? -1) + 1);
  if (ends.length === 0) return 0;
  return Math.max(Math.min(...ends), Math.max(...ends) - LATEST_S, 0);
}
