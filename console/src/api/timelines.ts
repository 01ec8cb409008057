// A run's seconds, as many as are drawn: the whole run in coarse stretches, windows of it
// in finer ones, series of the labels on screen; and its runners.
import { keepPreviousData, useQueries, useQuery, type QueryClient } from '@tanstack/react-query';
import { ask } from './client';
import { run } from './queries';
import type { LabelSeries, Runner, Timeline } from './types';

interface Window {
  from: number;
  to: number;
  step: number;
}

/** A part of a run; what is left out is from its begin, to its end, by the second. */
type Part = Partial<Window>;

/** A row of this length holds most runs as a whole. */
const LONGEST_STEP_S = 86_400;
/** Of days, whole minutes are stored, and of those the last one grows. */
const LAST_MINUTES_S = 180;

/** Seconds of a run that goes on. Of no use once its timeline is whole: not kept. */
export function useSoFar(test: string, id: string, part: Part | null) {
  return useQuery({
    queryKey: ['timeline so far', test, id, part],
    queryFn: ({ signal }) => ask<Timeline>(`${run(test, id)}/timeline`, { query: { from_s: part?.from, to_s: part?.to, step_s: part?.step }, signal }),
    staleTime: Infinity,
    gcTime: 0,
    structuralSharing: false,
    enabled: part !== null && id !== '',
  });
}

/** How a run that goes on stands, asked again and again: all of it in the fewest rows, then its last minutes. */
export function useStanding(test: string, id: string, every: number) {
  return useQuery({
    queryKey: ['timeline so far', test, id, 'standing'],
    queryFn: async ({ signal }) => {
      const path = `${run(test, id)}/timeline`;
      const all = await ask<Timeline>(path, { query: { step_s: LONGEST_STEP_S }, signal });
      const from = Math.max(0, all.end_s - LAST_MINUTES_S);
      return { all, lately: await ask<Timeline>(path, { query: { from_s: from - (from % 60) }, signal }) };
    },
    staleTime: 0,
    gcTime: 0,
    structuralSharing: false,
    refetchInterval: every,
    enabled: id !== '',
  });
}

function overview(test: string, id: string, step: number) {
  return {
    queryKey: ['timeline', test, id, 'whole', step],
    queryFn: ({ signal }: { signal: AbortSignal }) => ask<Timeline>(`${run(test, id)}/timeline`, { query: { step_s: step > 1 ? step : undefined }, signal }),
    staleTime: Infinity,
    structuralSharing: false,
  };
}

/** The whole run in stretches of `step` seconds; asked without a window where each second fits. */
export function useOverview(test: string, id: string, step: number) {
  return useQuery({ ...overview(test, id, step), placeholderData: keepPreviousData });
}

/** Those of several runs; undefined where one is not here yet. */
export function useOverviews(test: string, ids: string[], step: number): (Timeline | undefined)[] {
  return useQueries({ queries: ids.map((id) => overview(test, id, step)), combine: dataOf<Timeline> });
}

/** A tile of a run. No plain object: it is compared by what it is, not by all that is in it. */
export class Tile {
  constructor(readonly timeline: Timeline) {}
}

function tile(test: string, id: string, { from, to, step }: Window) {
  return {
    queryKey: ['timeline', test, id, 'tile', from, to, step],
    queryFn: async ({ signal }: { signal: AbortSignal }) => new Tile(await ask<Timeline>(`${run(test, id)}/timeline`, { query: { from_s: from, to_s: to, step_s: step }, signal })),
    staleTime: Infinity,
  };
}

/** Tiles side by side; undefined where one is not here yet. */
export function useTiles(test: string, id: string, windows: Window[]): (Tile | undefined)[] {
  return useQueries({ queries: windows.map((window) => tile(test, id, window)), combine: dataOf<Tile> });
}

function dataOf<T>(answers: { data: T | undefined }[]): (T | undefined)[] {
  return answers.map((answer) => answer.data);
}

export function prefetchTile(client: QueryClient, test: string, id: string, window: Window): void {
  void client.prefetchQuery(tile(test, id, window));
}

/** Series of some labels; those asked for before stay while others come. */
export function useLabelSeries(test: string, id: string, labels: string[], step: number, enabled: boolean) {
  return useQuery({
    queryKey: ['timeline', test, id, 'labels', labels, step],
    queryFn: async ({ signal }): Promise<LabelSeries[]> => {
      const parts = chunks(labels).map((label) => ask<Timeline>(`${run(test, id)}/timeline`, { query: { label, step_s: step }, signal }));
      return (await Promise.all(parts)).flatMap((part) => part.labels);
    },
    staleTime: Infinity,
    placeholderData: keepPreviousData,
    enabled: enabled && labels.length > 0,
  });
}

/** An address of more is refused by some on the way. */
const LONGEST_QUERY = 4_000;

/** Labels in lists whose addresses are short enough. */
export function chunks(labels: readonly string[]): string[][] {
  const parts: string[][] = [];
  let length = Infinity;
  for (const label of labels) {
    const more = encodeURIComponent(label).length + 7;
    length = length + more > LONGEST_QUERY ? 0 : length;
    if (length === 0) parts.push([]);
    parts.at(-1)?.push(label);
    length += more;
  }
  return parts;
}

/** All seconds of a run, for taking them away. */
export function allSeconds(test: string, id: string): Promise<Timeline> {
  return ask<Timeline>(`${run(test, id)}/timeline`);
}

/** The runners of a run. */
export function useRunners(test: string, id: string, enabled: boolean) {
  return useQuery({
    queryKey: ['runners', test, id],
    queryFn: async ({ signal }) => (await ask<{ runners: Runner[] }>(`${run(test, id)}/runners`, { signal })).runners,
    staleTime: 60_000,
    enabled,
  });
}
