// A scenario's newest runs beside its row. The list of scenarios does not tell them yet
// (`last_run` is to come), so each row that is on screen asks for its own.
import { useRuns } from '../api/queries';
import type { RunRow, ScenarioItem } from '../api/types';

export function useLastRuns(item: Pick<ScenarioItem, 'testId' | 'startTime' | 'status' | 'totalTestRuns'>, limit = 5): RunRow[] | undefined {
  const { data } = useRuns(item.testId, limit, `${item.startTime} ${item.status} ${item.totalTestRuns}`, item.totalTestRuns > 0);
  return item.totalTestRuns === 0 ? [] : data?.testRuns;
}

/** The change of the p95 from the run before, in percent. */
export function p95Change(runs: RunRow[] | undefined): number | null {
  const [last, before] = (runs ?? []).filter((run) => run.endTime);
  const now = last?.ok_times?.p95_us;
  const then = before?.ok_times?.p95_us;
  return now && then ? ((now - then) / then) * 100 : null;
}

/** How many of the newest runs failed in a row. */
export function failuresInARow(runs: RunRow[]): number {
  const ended = runs.filter((run) => run.endTime);
  const at = ended.findIndex((run) => run.outcome?.word !== 'failed');
  return at < 0 ? ended.length : at;
}
