// Marks on the time axis of a run: where its numbers are not fully trusted, and where a
// person changed its load.
import type { LoadChange, Reason } from '../api/types';
import { markedChanges } from '../plan/changes';
import type { Mark } from './plot';

export function marksOfReasons(reasons: readonly Reason[] = []): Mark[] {
  return reasons.flatMap((reason) =>
    reason.from_s === undefined ? [] : [{ from: reason.from_s, to: (reason.to_s ?? reason.from_s) + 1, text: reason.code, color: '--warn' }],
  );
}

/** A change is a moment: its mark has no length. */
export function marksOfChanges(changes: readonly LoadChange[] = []): Mark[] {
  return markedChanges(changes).map(({ at, said }) => ({ from: at, to: at, text: said, color: '--planned' }));
}
