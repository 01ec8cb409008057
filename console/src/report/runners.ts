// The runners of a run for its report: the worst first, how many there are of each state,
// and the highest of what they reached.
import type { Second } from '../api/types';
import type { ReportRunner } from './data';

/** Rows of the table: the rest is counted. */
export const MOST_RUNNERS = 50;

export const isLost = (row: ReportRunner) => Boolean(row.lost) || row.state === 'lost';

/** Share of its memory's limit; null where one of both is not known. */
export function fullness(row: ReportRunner): number | null {
  return row.memory_bytes && row.memory_limit_bytes ? row.memory_bytes / row.memory_limit_bytes : null;
}

/** Lost ones, then late ones, then by lag, then by how full their memory is. */
export function worstFirst(runners: readonly ReportRunner[]): ReportRunner[] {
  const rank = (row: ReportRunner) => (isLost(row) ? 0 : row.state === 'lagging' ? 1 : 2);
  return [...runners].sort(
    (a, b) =>
      rank(a) - rank(b) ||
      (b.lag_p99_us ?? -1) - (a.lag_p99_us ?? -1) ||
      (fullness(b) ?? -1) - (fullness(a) ?? -1) ||
      (a.runner < b.runner ? -1 : 1),
  );
}

/** How many of each state, lost ones apart; most first. */
export function statesOf(runners: readonly ReportRunner[]): [string, number][] {
  const counts = new Map<string, number>();
  for (const row of runners) {
    const state = isLost(row) ? 'lost' : row.state;
    counts.set(state, (counts.get(state) ?? 0) + 1);
  }
  return [...counts].sort((a, b) => b[1] - a[1]);
}

/** The runner with the highest of a value, where any is known. */
export function highest(runners: readonly ReportRunner[], value: (row: ReportRunner) => number | null | undefined): { row: ReportRunner; value: number } | null {
  let best: { row: ReportRunner; value: number } | null = null;
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

/** All regions' seconds, whichever way the timeline has them. */
export function secondsOf(timeline: { total?: Second[]; regions: Record<string, Second[]> } | null): Second[] {
  if (!timeline) return [];
  return timeline.total && timeline.total.length > 0 ? timeline.total : Object.values(timeline.regions).flat();
}
