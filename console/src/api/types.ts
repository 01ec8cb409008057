// The API's values by short names. All but the live events come from the generated
// schema; those stand in no OpenAPI document.
import type { WithLastRun, WithNote, WithTotal } from './coming';
import type { components } from './schema';

type S = components['schemas'];

export type ScenarioItem = S['ScenarioListItem'] & WithLastRun;
export type ScenarioRecord = S['ScenarioRecord'];
export type RunRow = S['TestRunSummary'] & WithNote;
export type RunsPage = Omit<S['TestRunsPage'], 'testRuns'> & { testRuns: RunRow[] };
export type RunRecord = S['RunRecord'] & WithNote;
export type Block = S['Block'];
export type Blocks = S['Blocks'];
export type Distribution = S['Distribution'];
export type Second = S['Second'];
export type LabelSeries = S['LabelSeries'];
export type RunTimeline = S['RunTimeline'] & WithTotal;
export type HistogramAnswer = S['HistogramAnswer'];
export type Comparison = S['Comparison'];
export type MetricChange = S['MetricChange'];
export type Change = S['Change'];
export type ErrorRow = S['ErrorRow'];
export type Artifact = S['Artifact'];
export type BaselineAnswer = S['BaselineAnswer'];
export type LoadSummary = S['LoadSummary'];
export type Account = S['AccountSummary'];
export type RegionInfo = S['RegionInfo'];
export type RegionTasks = S['RegionTaskIds'];
export type Vcpu = S['VcpuDetails'];
export type StackInfo = S['StackInfo'];
export type Reason = S['Reason'];
export type Upload = S['UploadAnswer'];
export type { LastRun, RunnerFacts } from './coming';

export type RunnerState = 'loading' | 'lagging' | 'finished' | 'lost';
/** `[id, state, seq, lag_p99_us]` */
export type RunnerRow = [string, RunnerState, number, number];

/** A second of a region on its way. */
export interface Tick extends Second {
  test_id: string;
  run_id: string;
  region: string;
  seq: number;
  answers: number;
  loading?: number;
  runners: RunnerRow[];
  others?: Partial<Record<RunnerState, number>>;
}

export interface LiveStatus {
  run_id?: string;
  status: string;
  load?: LoadSummary;
}

const AT_WORK = new Set(['queued', 'provisioning', 'running', 'cancelling', 'cleaning up', 'parsing results']);

/** Whether a scenario or run with this status is in progress. */
export function isActive(status: string | undefined): boolean {
  return status !== undefined && AT_WORK.has(status);
}
