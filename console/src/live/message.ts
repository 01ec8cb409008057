// What a message of a scenario's topics says: the seconds of a region, or a status or note.
// Of DLT's own publisher rows have no `tick`: there is nothing in them that a page shows.
// The form is dlt_core's, which tests it with the same messages.
import type { LiveStatus, Tick } from '../api/types';
import type { LiveListener } from './live';

type Fields = Record<string, unknown>;

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Tells a listener what is in a message; what cannot be read is left out. */
export function tellMessage(payload: Uint8Array, listener: LiveListener): void {
  let message: unknown;
  try {
    message = JSON.parse(new TextDecoder().decode(payload));
  } catch {
    return;
  }
  if (!isFields(message)) return;
  if (typeof message.event === 'string' && 'data' in message) {
    tellEvent(message.event, message.data, listener);
    return;
  }
  for (const rows of Object.values(message)) {
    if (!Array.isArray(rows)) continue;
    for (const row of rows as unknown[]) {
      if (isFields(row) && isTick(row.tick)) listener.tick(row.tick);
    }
  }
}

/** An event by its name, as both kinds of lines have them. */
export function tellEvent(name: string, data: unknown, listener: LiveListener): void {
  if (!isFields(data)) return;
  if (name === 'tick' && isTick(data)) listener.tick(data);
  else if (name === 'status' && typeof data.status === 'string') listener.status(data as unknown as LiveStatus);
  else if (name === 'note' && typeof data.note === 'string') listener.note(data.note);
}

const COUNTS = ['second', 'users', 'scheduled', 'sent', 'ok', 'failed', 'dropped', 'bytes'];
const LISTS = ['causes', 'latency', 'lag', 'runners'];

function isTick(value: unknown): value is Tick {
  if (!isFields(value) || typeof value.region !== 'string' || typeof value.run_id !== 'string') return false;
  // A histogram of failures is left out where nothing failed.
  const hasFailed = value.latency_failed === undefined || Array.isArray(value.latency_failed);
  return hasFailed && COUNTS.every((name) => Number.isFinite(value[name])) && LISTS.every((name) => Array.isArray(value[name]));
}
