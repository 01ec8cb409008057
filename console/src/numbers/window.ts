// Windows of a long run: which step suits a width, which tiles cover a window, and seconds
// of the API as stretches that are drawn. Asking for them is left to the pages.
import type { Second } from '../api/types';
import { Coarse } from './coarse';
import { resolution, type Stretch } from './seconds';

/** Lengths of stretches, s. From a minute on each is a multiple of what is stored. */
const STEPS_S = [1, 2, 5, 10, 30, 60, 120, 300, 600, 1_800, 3_600, 7_200, 21_600, 86_400];
/** Stretches of a tile: a window is covered by a few, so that panning finds most of it here. */
const TILE_STRETCHES = 120;

/** The shortest step with which `length` seconds have at most `points` stretches. */
export function stepFor(length: number, points: number): number {
  return STEPS_S.find((step) => length / step <= points) ?? Math.ceil(length / points / 86_400) * 86_400;
}

/** Runs that go on for no longer are read by the second. */
const LONG_S = 1_800;
/** Of longer ones, so much before what is told now: regions are stored behind it. */
const RECENT_S = 600;
/** Points of what is long past. */
const PAST_POINTS = 600;

/** Where a run in progress that has come to `second` is parted: before `until` it is read in stretches of `step` seconds. */
export function parted(second: number): { until: number; step: number } {
  if (second < LONG_S) return { until: 0, step: 1 };
  const step = Math.max(10, stepFor(second, PAST_POINTS));
  return { until: Math.floor((second - RECENT_S) / step) * step, step };
}

export interface Tile {
  from: number;
  to: number;
  step: number;
}

/** Tiles that cover a window. They begin at multiples of their length, so that each is asked for once. */
export function tilesOf(from: number, to: number, step: number, end: number): Tile[] {
  const length = step * TILE_STRETCHES;
  const tiles: Tile[] = [];
  for (let at = Math.max(0, Math.floor(from / length) * length); at < Math.min(to, end); at += length) tiles.push({ from: at, to: at + length, step });
  return tiles;
}

/** Seconds that were merged to `step` as stretches: longer where less was stored, and cut
    short where what happened ends. */
export function stretchesOf(seconds: readonly Second[], step: number, end = Infinity): Stretch[] {
  const busy = seconds.filter((second) => second.second < end);
  return busy.map((second) => ({
    from: second.second,
    length: Math.min(lengthAt(second.second, step), end - second.second),
    users: second.users,
    runners: second.runners ?? null,
    scheduled: second.scheduled,
    sent: second.sent,
    ok: second.ok,
    failed: second.failed,
    dropped: second.dropped,
    bytes: second.bytes,
    causes: new Map(second.causes),
    latency: new Coarse().add(second.latency),
    failedLatency: new Coarse().add(second.latency_failed),
    lag: new Coarse().add(second.lag),
  }));
}

/** How long the stretch is that begins at `second`: whole ones of what is stored. */
function lengthAt(second: number, step: number): number {
  const stored = resolution(second);
  return Math.ceil(step / stored) * stored;
}

/** Those that lie in a window, at least in part. */
export function clip(stretches: Stretch[], from: number, to: number): Stretch[] {
  return stretches.filter((one) => one.from < to && one.from + one.length > from);
}

/** Where the last of some stretches ends. */
export function endOf(stretches: readonly Stretch[]): number {
  const last = stretches.at(-1);
  return last ? last.from + last.length : 0;
}
