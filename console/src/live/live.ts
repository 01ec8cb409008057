// Live data of a scenario, wherever it comes from: server-sent events at home (`sse`),
// topics of AWS IoT (`topics`). Which of them it is, is told once, before the first page.
import type { LiveStatus, Tick } from '../api/types';

export interface LiveListener {
  status(status: LiveStatus): void;
  tick(tick: Tick): void;
  note(note: string): void;
  /** Whether the line stands; `why` says what is wrong while it does not. */
  line(stands: boolean, why?: string): void;
}

export interface LiveSource {
  /** Whether seconds that went before are told to whoever comes late, or comes again. */
  readonly repeats: boolean;
  /** Listens until the returned function is called. Told again after a break; ticks may be told twice. */
  listen(testId: string, listener: LiveListener): () => void;
}

let source: LiveSource | undefined;

/** Where live data comes from, if not from server-sent events. */
export function liveSource(): LiveSource | undefined {
  return source;
}

export function setLiveSource(next: LiveSource): void {
  source = next;
}

const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 10_000;

/** Keeps a line up: `once` lasts while it stands and calls `heard`; pauses grow between attempts. */
export function keepUp(listener: LiveListener, once: (stop: AbortSignal, heard: () => void) => Promise<void>): () => void {
  const stop = new AbortController();
  const follow = async () => {
    let wait = FIRST_WAIT_MS;
    while (!stop.signal.aborted) {
      try {
        await once(stop.signal, () => (wait = FIRST_WAIT_MS));
        listener.line(false, 'the stream ended');
      } catch (error) {
        if (stop.signal.aborted) return;
        listener.line(false, error instanceof Error ? error.message : 'the connection broke');
      }
      await new Promise((resolve) => setTimeout(resolve, wait));
      wait = Math.min(wait * 2, LONGEST_WAIT_MS);
    }
  };
  void follow();
  return () => stop.abort();
}
