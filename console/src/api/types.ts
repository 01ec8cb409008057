// The API's values by short names. All but the live events come from the generated
// schema; those stand in no OpenAPI document.
import type { components } from './schema';

type S = components['schemas'];

export type ScenarioItem = S['ScenarioListItem'];
export type ScenarioRecord = S['ScenarioRecord'];
export type RunRow = S['TestRunSummary'];
export type RunsPage = S['TestRunsPage'];
export type RunRecord = S['RunRecord'];
export type Block = S['Block'];
export type Blocks = S['Blocks'];
export type Distribution = S['Distribution'];
export type Second = S['Second'];
export type LabelSeries = S['LabelSeries'];
export type Timeline = S['TimelineAnswer'];
export type HistogramAnswer = S['HistogramAnswer'];
export type Comparison = S['Comparison'];
export type MetricChange = S['MetricChange'];
export type Change = S['Change'];
export type ErrorRow = S['ErrorRow'];
export type Artifact = S['Artifact'];
export type Upload = S['UploadAnswer'];
export type BaselineAnswer = S['BaselineAnswer'];
export type LoadSummary = S['LoadSummary'];
export type LoadChange = S['LoadChange'];
export type LoadChanges = S['LoadChanges'];
export type LoadWish = S['LoadWish'];
export type Account = S['AccountSummary'];
export type RegionInfo = S['RegionInfo'];
export type RegionTasks = S['RegionTaskIds'];
export type Vcpu = S['VcpuDetails'];
export type StackInfo = S['StackInfo'];
export type Reason = S['Reason'];
export type LastRun = S['LastRun'];
export type Runner = S['RunnerItem'];
export type RunNote = S['RunNote'];
export type ExchangeRow = S['ExchangeRow'];

export type RunnerState = 'loading' | 'lagging' | 'finished' | 'lost';
/** `[id, state, seq, lag_p99_us]` */
export type RunnerRow = [string, RunnerState, number, number];

/** What is counted and measured in a second. */
export type Measured = Omit<Second, 'runners'>;

/** A second of a region on its way: with its runners, where a timeline has their number. */
export interface Tick extends Measured {
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
