// Fields and answers that the generated schema does not have yet. They go once it has
// them; a server of before answers without them.
import type { components } from './schema';

type S = components['schemas'];

/** A row of scenarios tells how its last run ended. */
export interface LastRun {
  run_id: string;
  word: S['Word'];
  trust?: S['Trust'];
  p95_us?: number;
  /** UTC, like all stamps. */
  at: string;
}

export interface WithLastRun {
  last_run?: LastRun;
  failures_in_a_row?: number;
}

/** A person's words about a run, at most 2,000 characters. */
export interface WithNote {
  note?: string;
}

/** All regions added, second by second. */
export interface WithTotal {
  total?: S['Second'][];
}

/** A runner of a run, as it was last heard. */
export interface RunnerFacts {
  runner: string;
  region: string;
  state: string;
  role?: 'leader' | 'worker';
  last_heard_s?: number;
  lag_p99_us?: number;
  cpu_pct?: number;
  memory_bytes?: number;
  memory_limit_bytes?: number;
  public_address?: string;
  skew_us?: number;
  /** Why it is lost, in a sentence. */
  lost?: string;
}
