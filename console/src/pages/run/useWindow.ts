// What the charts of a result draw: the whole run in coarse stretches, and for a window
// finer tiles, shown when all of them are here; until then what is coarse is shown.
import { useQueryClient } from '@tanstack/react-query';
import { useEffect, useMemo } from 'react';
import { prefetchTile, useTiles } from '../../api/timelines';
import type { Timeline } from '../../api/types';
import type { Stretch } from '../../numbers/seconds';
import { clip, endOf, stepFor, stretchesOf, tilesOf } from '../../numbers/window';

/** Made once per answer, whatever window it is in. */
const made = new WeakMap<Timeline, Stretch[]>();

function stretchesIn(timeline: Timeline, step: number): Stretch[] {
  let stretches = made.get(timeline);
  if (!stretches) made.set(timeline, (stretches = stretchesOf(timeline.total, step, timeline.end_s)));
  return stretches;
}

export interface Shown {
  stretches: Stretch[];
  known: number;
}

export function useWindow(test: string, run: string, overview: Timeline | undefined, step: number, zoom: { from?: number; to?: number }, points: number): Shown | null {
  const client = useQueryClient();
  const { from, to } = zoom;
  const coarse = useMemo(() => (overview ? stretchesIn(overview, step) : []), [overview, step]);
  const known = endOf(coarse);
  const fine = from === undefined || to === undefined ? step : stepFor(to - from, points);
  const isFine = coarse.length > 0 && fine < step && from !== undefined && to !== undefined;
  const windows = useMemo(() => (isFine ? tilesOf(from, to, fine, known) : []), [isFine, from, to, fine, known]);
  const tiles = useTiles(test, run, windows);
  const isHere = isFine && tiles.length > 0 && tiles.every((tile) => tile !== undefined);

  // What lies beside the window is likely the next that is looked at.
  useEffect(() => {
    const [first] = windows;
    const last = windows.at(-1);
    if (!isHere || !first || !last) return;
    const length = first.to - first.from;
    if (first.from > 0) prefetchTile(client, test, run, { ...first, from: first.from - length, to: first.from });
    if (last.to < known) prefetchTile(client, test, run, { ...last, from: last.to, to: last.to + length });
  }, [client, test, run, windows, isHere, known]);

  return useMemo(() => {
    if (!overview) return null;
    const low = from ?? 0;
    const high = to ?? Infinity;
    if (!isHere) return { stretches: clip(coarse, low, high), known };
    return { stretches: clip(tiles.flatMap((tile) => (tile ? stretchesIn(tile.timeline, fine) : [])), low, high), known };
  }, [overview, coarse, tiles, isHere, from, to, fine, known]);
}
