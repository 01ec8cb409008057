// A run's seconds, as many as are drawn: the whole run in coarse stretches, windows of it
// in finer ones, series of the labels on screen. A server of before knows no windows and
// answers with everything.
import { keepPreviousData, useQueries, useQuery, type QueryClient } from '@tanstack/react-query';
import { ApiError, ask } from './client';
import { run } from './queries';
import type { LabelSeries, RunnerFacts, RunTimeline } from './types';

interface Window {
  from: number;
  to: number;
  step: number;
}

/** The whole run in stretches of `step` seconds; asked without a window where each second fits. */
export function useOverview(test: string, id: string, step: number) {
  return useQuery({
    queryKey: ['timeline', test, id, 'whole', step],
    queryFn: async ({ signal }): Promise<RunTimeline> => {
      const path = `${run(test, id)}/timeline`;
      if (step <= 1) return ask<RunTimeline>(path, { signal });
      try {
        return await ask<RunTimeline>(path, { query: { step_s: step }, signal });
      } catch (error) {
        if (error instanceof ApiError && error.status === 400) return ask<RunTimeline>(path, { signal });
        throw error;
      }
    },
    staleTime: Infinity,
    structuralSharing: false,
    placeholderData: keepPreviousData,
  });
}

/** A tile of a run. No plain object: it is compared by what it is, not by all that is in it. */
export class Tile {
  constructor(readonly timeline: RunTimeline) {}
}

function tile(test: string, id: string, { from, to, step }: Window) {
  return {
    queryKey: ['timeline', test, id, 'tile', from, to, step],
    queryFn: async ({ signal }: { signal: AbortSignal }) => new Tile(await ask<RunTimeline>(`${run(test, id)}/timeline`, { query: { from_s: from, to_s: to, step_s: step }, signal })),
    staleTime: Infinity,
  };
}

/** Tiles side by side; undefined where one is not here yet. */
export function useTiles(test: string, id: string, windows: Window[]): (Tile | undefined)[] {
  return useQueries({ queries: windows.map((window) => tile(test, id, window)), combine: dataOf });
}

function dataOf(answers: { data: Tile | undefined }[]): (Tile | undefined)[] {
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
      const parts = chunks(labels).map((label) => ask<RunTimeline>(`${run(test, id)}/timeline`, { query: { label, step_s: step }, signal }));
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
export function allSeconds(test: string, id: string): Promise<RunTimeline> {
  return ask<RunTimeline>(`${run(test, id)}/timeline`);
}

/** The runners of a run; null where this server does not tell of them. */
export function useRunners(test: string, id: string, enabled: boolean) {
  return useQuery({
    queryKey: ['runners', test, id],
    queryFn: async ({ signal }): Promise<RunnerFacts[] | null> => {
      try {
        return (await ask<{ runners: RunnerFacts[] }>(`${run(test, id)}/runners`, { signal })).runners;
      } catch (error) {
        // A path that is not known is refused with 403.
        if (error instanceof ApiError && [403, 404, 501].includes(error.status)) return null;
        throw error;
      }
    },
    staleTime: 60_000,
    enabled,
  });
}
