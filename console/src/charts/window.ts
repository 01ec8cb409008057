// Steps of the zoom without a mouse: nearer, farther, earlier, later, all. What is drawn
// in a window is left to the charts.

export type Step = 'in' | 'out' | 'earlier' | 'later' | 'all';

/** Shortest window, s. */
const SHORTEST_S = 2;

interface Window {
  from?: number | undefined;
  to?: number | undefined;
}

/** The window after a step; null where that is the whole run. */
export function stepped({ from = 0, to }: Window, whole: number, step: Step): { from: number; to: number } | null {
  const end = to ?? whole;
  const width = end - from;
  const fit = (low: number, high: number) => {
    const start = Math.max(0, Math.round(low));
    const last = Math.min(whole, Math.round(high));
    return start <= 0 && last >= whole ? null : { from: start, to: Math.max(last, start + SHORTEST_S) };
  };
  switch (step) {
    case 'in':
      return width <= 2 * SHORTEST_S ? fit(from, end) : fit(from + width / 4, end - width / 4);
    case 'out':
      return fit(from - width / 2, end + width / 2);
    case 'earlier': {
      const low = Math.max(0, from - width / 2);
      return fit(low, low + width);
    }
    case 'later': {
      const high = Math.min(whole, end + width / 2);
      return fit(high - width, high);
    }
    case 'all':
      return null;
  }
}

/** What a key asks for; null where it is not ours. */
export function stepOfKey(key: string, isShifted: boolean): Step | null {
  if (key === '+' || key === '=') return 'in';
  if (key === '-' || key === '_') return 'out';
  if (key === '0' || key === 'Escape') return 'all';
  if (isShifted && key === 'ArrowLeft') return 'earlier';
  return isShifted && key === 'ArrowRight' ? 'later' : null;
}

/** Where the cursor goes among `count` points; null where the key does not move it. */
export function movedCursor(key: string, at: number | null, count: number): number | null {
  if (count === 0) return null;
  const last = count - 1;
  const now = at ?? last;
  const moves: Record<string, number> = { ArrowLeft: now - 1, ArrowRight: at === null ? last : now + 1, PageUp: now - 10, PageDown: now + 10, Home: 0, End: last };
  const next = moves[key];
  return next === undefined ? null : Math.max(0, Math.min(last, next));
}
