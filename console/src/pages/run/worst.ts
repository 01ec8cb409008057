// Which runner is looked at first: lost ones, then silent ones, then by lag, then by how
// full their memory is.
import type { RunnerFacts } from '../../api/types';

export function worstFirst(runners: readonly RunnerFacts[]): RunnerFacts[] {
  const rank = (row: RunnerFacts) => (row.lost !== undefined || row.state === 'lost' ? 0 : row.state === 'lagging' ? 1 : 2);
  const fullness = (row: RunnerFacts) => (row.memory_bytes ?? 0) / (row.memory_limit_bytes || Infinity);
  return [...runners].sort(
    (a, b) => rank(a) - rank(b) || (b.lag_p99_us ?? -1) - (a.lag_p99_us ?? -1) || fullness(b) - fullness(a) || a.runner.localeCompare(b.runner),
  );
}
