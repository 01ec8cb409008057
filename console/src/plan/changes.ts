// Changes that people make of a load while it goes on, by the rules of the terminal's keys:
// tenths of the plan, at least one of them, at most ten times the plan; a pause goes back to
// what was before. Asking for them is `queries`', and whether they may be is the API's.
import type { LoadChange, LoadSummary, LoadWish } from '../api/types';
import { plain } from '../numbers/format';
import { lengthOf, type Fields } from './words';

const STEP = 0.1;
/** The most that the API takes. */
const MOST = 10;

export type Press = 'less' | 'more' | 'pause' | 'end';

/** How much of the planned load is asked for. */
export interface Asked {
  factor: number;
  /** What a pause goes back to. */
  beforePause: number;
  isEnding: boolean;
}

export function askedBy(changes: readonly LoadChange[] = []): Asked {
  const factors = changes.filter((change) => change.end !== true).map((change) => change.factor);
  return {
    factor: factors.at(-1) ?? 1,
    beforePause: factors.findLast((factor) => factor > 0) ?? 1,
    isEnding: changes.some((change) => change.end === true),
  };
}

/** What a button asks for; null where it means nothing now. */
export function wishOf({ factor, beforePause, isEnding }: Asked, press: Press): LoadWish | null {
  if (isEnding) return null;
  // In tenths, however often it was pressed.
  const to = (next: number): LoadWish => ({ factor: Math.round(next * 10) / 10 });
  if (press === 'more') return factor < MOST ? to(Math.min(MOST, factor + STEP)) : null;
  if (press === 'less') return factor > STEP ? to(Math.max(STEP, factor - STEP)) : null;
  if (press === 'pause') return factor > 0 ? to(0) : to(beforePause);
  return { end: true };
}

/** How the load stands; empty while it is the plan's. */
export function askedInWords({ factor, isEnding }: Asked): string {
  if (isEnding) return 'ending, as asked';
  return factor === 1 ? '' : factorInWords(factor);
}

function factorInWords(factor: number): string {
  return factor === 0 ? 'paused' : `${plain(Number((factor * 100).toPrecision(3)))} % of the plan`;
}

export interface MarkedChange {
  /** Seconds since the start of the load. */
  at: number;
  said: string;
}

/** Changes as a time axis marks them. */
export function markedChanges(changes: readonly LoadChange[] = []): MarkedChange[] {
  return changes.map((change) => ({ at: change.at_us / 1e6, said: change.end === true ? 'ended, as asked' : factorInWords(change.factor) }));
}

/** How long the load lasts, s: as long as is planned, unless somebody told it to end before. */
export function lasts(plan: Fields | undefined, load: Pick<LoadSummary, 'planned'> | undefined, changes: readonly LoadChange[] = []): number {
  const told = load && load.planned.length > 1 ? (load.planned.at(-1)?.[0] ?? 0) + 1 : 0;
  const end = changes.find((change) => change.end === true);
  return Math.min(Math.max(told, lengthOf(plan)), end ? end.at_us / 1e6 : Infinity);
}

/** Of several tellings of a run's changes the newest: each only grows. */
export function newest(...told: (readonly LoadChange[] | undefined)[]): readonly LoadChange[] {
  return told.reduce<readonly LoadChange[]>((longest, one) => (one && one.length > longest.length ? one : longest), []);
}
