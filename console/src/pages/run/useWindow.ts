// What the charts of a run draw: the whole run in coarse stretches, and for a window finer
// tiles, shown when all of them are here; until then what is coarse is shown. Of a run that
// goes on, seconds come by ticks where it is not long past.
import { useQueryClient } from '@tanstack/react-query';
import { useEffect, useMemo } from 'react';
import { prefetchTile, useTiles } from '../../api/timelines';
import type { Timeline } from '../../api/types';
import type { RunSeconds, Stretch } from '../../numbers/seconds';
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

/** The same of a run that goes on. */
export function useLiveWindow(test: string, run: string, seconds: RunSeconds, zoom: { from?: number; to?: number }, points: number): Stretch[] {
  const { from, to } = zoom;
  const { until, step } = seconds.coarse;
  const fine = from === undefined || to === undefined ? step : stepFor(to - from, points);
  const isFine = from !== undefined && to !== undefined && from < until && fine < step;
  // What is not long past may still grow: no tile of it is asked for.
  const windows = useMemo(
    () => (isFine ? tilesOf(from, to, fine, until).map((tile) => ({ ...tile, to: Math.min(tile.to, until) })) : []),
    [isFine, from, to, fine, until],
  );
  const tiles = useTiles(test, run, windows);
  return useMemo(() => {
    const isHere = windows.length > 0 && tiles.length === windows.length && tiles.every((tile) => tile !== undefined);
    if (!isHere || from === undefined || to === undefined) return seconds.stretches(from, to, points);
    const past = tiles.flatMap((tile) => (tile ? stretchesIn(tile.timeline, fine) : []));
    return [...clip(past, from, Math.min(to, until)), ...(to > until ? seconds.stretches(until, to, points) : [])];
    // eslint-disable-next-line react-hooks/exhaustive-deps -- `seconds` grows in place; its version tells
  }, [seconds, seconds.version, windows, tiles, from, to, fine, until, points]);
}
