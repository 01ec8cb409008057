// The runners of a run for its report: how many there are of each state, and the highest
// of what they reached.
import type { Runner, Second, Timeline } from '../api/types';
import { isLost } from '../numbers/runners';

/** Rows of the table: the rest is counted. */
export const MOST_RUNNERS = 50;

/** How many of each state, lost ones apart; most first. */
export function statesOf(runners: readonly Runner[]): [string, number][] {
  const counts = new Map<string, number>();
  for (const row of runners) {
    const state = isLost(row) ? 'lost' : row.state;
    counts.set(state, (counts.get(state) ?? 0) + 1);
  }
  return [...counts].sort((a, b) => b[1] - a[1]);
}

/** The runner with the highest of a value, where any is known. */
export function highest(runners: readonly Runner[], value: (row: Runner) => number | null | undefined): { row: Runner; value: number } | null {
  let best: { row: Runner; value: number } | null = null;
  for (const row of runners) {
    const known = value(row);
    if (known !== null && known !== undefined && (!best || known > best.value)) best = { row, value: known };
  }
  return best;
}

/** Share of the users' time in which an answer had come and was not read; null where none was told. */
export function readDelay(seconds: readonly Second[]): number | null {
  let users = 0;
  let delayed = 0;
  for (const second of seconds) {
    users += second.user_time_us;
    delayed += second.read_delay_us;
  }
  return users > 0 ? delayed / users : null;
}

/** All regions' seconds. */
export function secondsOf(timeline: Pick<Timeline, 'total'> | null): Second[] {
  return timeline?.total ?? [];
}
