// Live data of a scenario, wherever it comes from: server-sent events at home (`sse`),
// a topic on AWS (an implementation of `LiveSource` that is not written yet).
import type { LiveStatus, Tick } from '../api/types';

export interface LiveListener {
  status(status: LiveStatus): void;
  tick(tick: Tick): void;
  note(note: string): void;
  /** Whether the line stands; `why` says what is wrong while it does not. */
  line(stands: boolean, why?: string): void;
}

export interface LiveSource {
  /** Listens until the returned function is called. Told again after a break; ticks may be told twice. */
  listen(testId: string, listener: LiveListener): () => void;
}
