// How a scenario's last run ended. The list of scenarios tells it (`last_run`); of rows
// that an older dlt stored the newest runs are asked for, a row on screen at a time.
import { useRuns } from '../api/queries';
import type { LastRun, RunRow, ScenarioItem } from '../api/types';
import { ordinal } from '../numbers/format';

type Item = Pick<ScenarioItem, 'testId' | 'startTime' | 'status' | 'totalTestRuns' | 'last_run' | 'failures_in_a_row'>;

/** Enough for a run in progress, the last that ended, and the one before. */
const NEWEST = 5;

export interface Last {
  run: string;
  word?: LastRun['word'] | undefined;
  trust?: LastRun['trust'] | undefined;
  p95Us?: number | null | undefined;
  at: string;
  status: string;
}

/** The newest runs of a row, asked for once per run that ended. */
export function useLastRuns(item: Item, limit: number, enabled: boolean): RunRow[] | undefined {
  const version = item.last_run ? item.last_run.run_id : `${item.startTime} ${item.status} ${item.totalTestRuns}`;
  const { data } = useRuns(item.testId, limit, version, enabled && item.totalTestRuns > 0);
  return data?.testRuns;
}

/** The last run that ended; null where none has, undefined while it is not known. */
export function useLast(item: Item): { last: Last | null | undefined; failures: string } {
  const told = item.last_run;
  const isOld = !told && item.totalTestRuns > 0;
  const runs = useLastRuns(item, NEWEST, isOld);
  if (told) return { last: lastOf(told), failures: failuresInWords(item.failures_in_a_row ?? 0) };
  if (!isOld) return { last: null, failures: '' };
  const ended = runs?.find((run) => run.endTime);
  const last = runs === undefined ? undefined : ended ? { run: ended.testRunId, word: ended.outcome?.word, trust: ended.verdict?.trust, p95Us: ended.ok_times?.p95_us, at: ended.startTime, status: ended.status } : null;
  return { last, failures: failuresInWords(failuresInARow(runs ?? []), runs?.length) };
}

function lastOf({ run_id, word, trust, p95_us, at }: LastRun): Last {
  return { run: run_id, word, trust, p95Us: p95_us, at, status: word };
}

/** The change of the p95 from the run before, in percent. */
export function p95Change(runs: RunRow[] | undefined): number | null {
  const [last, before] = (runs ?? []).filter((run) => run.endTime);
  const now = last?.ok_times?.p95_us;
  const then = before?.ok_times?.p95_us;
  return now && then ? ((now - then) / then) * 100 : null;
}

/** How many of the newest runs failed in a row. */
function failuresInARow(runs: RunRow[]): number {
  const ended = runs.filter((run) => run.endTime);
  const at = ended.findIndex((run) => run.outcome?.word !== 'failed');
  return at < 0 ? ended.length : at;
}

/** "3rd failure in a row"; where as many failed as were looked at, there may be more. */
function failuresInWords(failures: number, looked?: number): string {
  if (failures < 2) return '';
  return looked === failures ? `at least ${failures} failures in a row` : `${ordinal(failures)} failure in a row`;
}
