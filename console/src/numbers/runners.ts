// Which runner is looked at first: lost ones, then silent ones, then by lag, then by how
// full their memory is.
import type { Runner } from '../api/types';

export const isLost = (row: Runner) => row.lost !== undefined || row.state === 'lost';

/** Share of its memory's limit; null where one of both is not known. */
export function fullness(row: Runner): number | null {
  return row.memory_bytes && row.memory_limit_bytes ? row.memory_bytes / row.memory_limit_bytes : null;
}

export function worstFirst(runners: readonly Runner[]): Runner[] {
  const rank = (row: Runner) => (isLost(row) ? 0 : row.state === 'lagging' ? 1 : 2);
  return [...runners].sort(
    (a, b) =>
      rank(a) - rank(b) ||
      (b.lag_p99_us ?? -1) - (a.lag_p99_us ?? -1) ||
      (fullness(b) ?? -1) - (fullness(a) ?? -1) ||
      (a.runner < b.runner ? -1 : 1),
  );
}
