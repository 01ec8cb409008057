// What pages ask for, with how long an answer stays good. Lists are asked again every
// few seconds while something runs; live numbers come from `live`.
import { QueryCache, QueryClient, useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useSyncExternalStore } from 'react';
import { ApiError, ask, seg, TOO_LATE } from './client';
import {
  isActive,
  type Artifact,
  type BaselineAnswer,
  type Comparison,
  type HistogramAnswer,
  type LoadChanges,
  type LoadWish,
  type RegionInfo,
  type RegionTasks,
  type RunNote,
  type RunRecord,
  type RunsPage,
  type ScenarioItem,
  type ScenarioRecord,
  type StackInfo,
  type Vcpu,
} from './types';

/** How often a list is asked again while something runs, ms. */
const WHILE_ACTIVE_MS = 2_000;
const AT_REST_MS = 10_000;
const AFTER_CHANGE_MS = 60;

/** Whether the server answered lately, for whoever wants to say so. */
let isAway = false;
const watchers = new Set<() => void>();

function heard(error: unknown): void {
  const next = error instanceof ApiError && [0, 502, 503, 504].includes(error.status);
  if (next === isAway) return;
  isAway = next;
  for (const watcher of watchers) watcher();
}

export function useServerAway(): boolean {
  return useSyncExternalStore(
    (changed) => {
      watchers.add(changed);
      return () => watchers.delete(changed);
    },
    () => isAway,
  );
}

export const queryClient = new QueryClient({
  queryCache: new QueryCache({ onError: heard, onSuccess: () => heard(undefined) }),
  defaultOptions: {
    queries: {
      staleTime: 2_000,
      // A refusal stays one; a server that is away is asked twice more. One that let us wait
      // for long is not: whoever looks decides.
      retry: (times, error) => times < 2 && (!(error instanceof ApiError) || (error.status === 0 && error.code !== TOO_LATE) || error.status >= 500),
    },
  },
});

export const run = (test: string, id: string) => `/scenarios/${seg(test)}/testruns/${seg(id)}`;

export function useScenarios() {
  return useQuery({
    queryKey: ['scenarios'],
    queryFn: async ({ signal }) => (await ask<{ Items: ScenarioItem[] }>('/scenarios', { signal })).Items,
    refetchInterval: (query) =>
      query.state.data?.some((item) => isActive(item.status)) ? WHILE_ACTIVE_MS : AT_REST_MS,
  });
}

export function useScenario(test: string) {
  return useQuery({
    queryKey: ['scenario', test],
    queryFn: ({ signal }) =>
      ask<ScenarioRecord>(`/scenarios/${seg(test)}`, { query: { history: false, latest: false }, signal }),
    refetchInterval: (query) => (isActive(query.state.data?.status) ? WHILE_ACTIVE_MS : AT_REST_MS),
    enabled: test !== '',
  });
}

/** The newest runs; `version` makes it ask again when a scenario moved on. */
export function useRuns(test: string, limit: number, version = '', enabled = true) {
  return useQuery({
    queryKey: ['runs', test, limit, version],
    queryFn: ({ signal }) => ask<RunsPage>(`/scenarios/${seg(test)}/testruns`, { query: { limit }, signal }),
    enabled,
    placeholderData: (before) => before,
  });
}

/** A page of runs, newest first; the token is of the page before. */
export function useRunPage(test: string, limit: number, token: string, version: string) {
  return useQuery({
    queryKey: ['run page', test, limit, token, version],
    queryFn: ({ signal }) => ask<RunsPage>(`/scenarios/${seg(test)}/testruns`, { query: { limit, next_token: token || undefined }, signal }),
    placeholderData: (before) => before,
  });
}

export function useRun(test: string, id: string, enabled = true) {
  return useQuery({
    queryKey: ['run', test, id],
    queryFn: async ({ signal }) => {
      try {
        return await ask<RunRecord>(run(test, id), { signal });
      } catch (error) {
        // A run that is not ready yet has no record; null, not undefined, which means "not asked".
        if (error instanceof ApiError && error.status === 404) return null;
        throw error;
      }
    },
    refetchInterval: (query) => (query.state.data === null || isActive(query.state.data?.status) ? WHILE_ACTIVE_MS : false),
    enabled: enabled && id !== '',
  });
}

export function useHistogram(test: string, id: string, query: { label?: string; region?: string; of?: string } = {}, enabled = true) {
  return useQuery({
    queryKey: ['histogram', test, id, query],
    queryFn: ({ signal }) => ask<HistogramAnswer>(`${run(test, id)}/histogram`, { query, signal }),
    staleTime: Infinity,
    enabled: enabled && id !== '',
  });
}

export function useArtifacts(test: string, id: string) {
  return useQuery({
    queryKey: ['artifacts', test, id],
    queryFn: async ({ signal }) => (await ask<{ artifacts: Artifact[] }>(`${run(test, id)}/artifacts`, { signal })).artifacts,
    staleTime: 60_000,
  });
}

export function useBaseline(test: string) {
  return useQuery({
    queryKey: ['baseline', test],
    queryFn: ({ signal }) =>
      ask<BaselineAnswer>(`/scenarios/${seg(test)}/baseline`, { query: { data: false }, signal }),
    enabled: test !== '',
  });
}

/** What changed from the run `base` to the run `id`. */
export function useComparison(test: string, id: string, base: string, baseTest = '', enabled = true) {
  const withTest = baseTest && baseTest !== test ? { with_test: baseTest } : {};
  return useQuery({
    queryKey: ['compare', test, id, base, baseTest],
    queryFn: ({ signal }) => ask<Comparison>(`${run(test, id)}/compare`, { query: { with: base, ...withTest }, signal }),
    staleTime: Infinity,
    enabled: enabled && id !== '' && base !== '' && (base !== id || baseTest !== test),
  });
}

export function useRoom() {
  return useQuery({
    queryKey: ['room'],
    queryFn: async ({ signal }) => {
      const [regions, cpus, tasks] = await Promise.all([
        ask<{ regions: RegionInfo[] }>('/regions', { signal }),
        ask<Record<string, Vcpu>>('/vCPUDetails', { signal }),
        ask<RegionTasks[]>('/tasks', { signal }),
      ]);
      return regions.regions.map((region) => {
        const cpu = cpus[region.region];
        const each = cpu?.vCPUsPerTask || 1;
        return {
          region: region.region,
          info: region,
          runners: tasks.find((row) => row.region === region.region)?.taskArns ?? [],
          used: cpu ? Math.floor(cpu.vCPUsInUse / each) : undefined,
          most: cpu ? Math.floor(cpu.vCPULimit / each) : undefined,
        };
      });
    },
    refetchInterval: 5_000,
  });
}

export type Room = NonNullable<ReturnType<typeof useRoom>['data']>[number];

export function useStack() {
  return useQuery({ queryKey: ['stack'], queryFn: () => ask<StackInfo>('/stack-info'), staleTime: 3_600_000 });
}

/** Changes something, and asks for all again that is on screen. */
export function useChange<A, T = unknown>(change: (input: A) => Promise<T>) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: change,
    // A moment later: what the change removed is off the screen by then, and not asked for again.
    onSettled: () => void setTimeout(() => void client.invalidateQueries(), AFTER_CHANGE_MS),
  });
}

export const calls = {
  changeLoad: (test: string, id: string, wish: LoadWish) => ask<LoadChanges>(`${run(test, id)}/load`, { method: 'POST', body: wish }),
  cancel: (test: string) => ask<string>(`/scenarios/${seg(test)}`, { method: 'POST' }),
  remove: async (test: string) => {
    const answer = await ask<string>(`/scenarios/${seg(test)}`, { method: 'DELETE' });
    queryClient.setQueryData<ScenarioItem[]>(['scenarios'], (items) => items?.filter((item) => item.testId !== test));
    return answer;
  },
  removeRuns: (test: string, ids: string[]) =>
    ask<{ deletedCount: number }>(`/scenarios/${seg(test)}/testruns`, { method: 'DELETE', body: ids }),
  setBaseline: (test: string, id: string) =>
    ask(`/scenarios/${seg(test)}/baseline`, { method: 'PUT', body: { testRunId: id } }),
  clearBaseline: (test: string) => ask(`/scenarios/${seg(test)}/baseline`, { method: 'DELETE' }),
  keep: (body: unknown) => ask<ScenarioRecord>('/scenarios', { method: 'POST', body }),
  note: (test: string, id: string, note: string) => ask<RunNote>(`${run(test, id)}/note`, { method: 'PUT', body: { note } }),
};

/** Paths of what is saved as a file. */
export const paths = {
  run,
  artifacts: (test: string, id: string) => `${run(test, id)}/artifacts`,
};
