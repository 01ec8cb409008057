// What stands beside a page: help at its right, and details of something below. One
// store, shown by App; both are closed by leaving the page.
import { useSyncExternalStore, type ReactNode } from 'react';

/** A topic of `help/topics`. */
export type Topic = 'home' | 'scenarios' | 'scenario' | 'run' | 'live' | 'edit' | 'compare' | 'regions' | 'agents' | 'settings' | 'trust' | 'thresholds' | 'account' | 'times' | 'generator' | 'errors' | 'load' | 'baseline' | 'scripts' | 'when';

export interface Panels {
  help: Topic | null;
  details: { title: string; body: ReactNode } | null;
}

let panels: Panels = { help: null, details: null };
const listeners = new Set<() => void>();

function set(next: Partial<Panels>): void {
  panels = { ...panels, ...next };
  for (const listener of listeners) listener();
}

export function openHelp(topic: Topic): void {
  set({ help: topic });
}

export function closeHelp(): void {
  if (panels.help) set({ help: null });
}

export function openDetails(title: string, body: ReactNode): void {
  set({ details: { title, body } });
}

export function closeDetails(): void {
  if (panels.details) set({ details: null });
}

export function usePanels(): Panels {
  return useSyncExternalStore(
    (changed) => {
      listeners.add(changed);
      return () => listeners.delete(changed);
    },
    () => panels,
  );
}
