// Light, dark, or as the system has it. Colours of charts stand in `styles.css`, one set a
// mode. No font is fetched: Cloudscape's is left out, and the system's is what is shown.
import { applyMode, Mode } from '@cloudscape-design/global-styles';
import { useSyncExternalStore } from 'react';
import { inThisBrowser } from '../ui/kept';

export type Choice = 'system' | 'light' | 'dark';

const KEY = 'dlt-theme';
let chosen: Choice | undefined;
const system = window.matchMedia('(prefers-color-scheme: dark)');
const listeners = new Set<() => void>();

export function choice(): Choice {
  if (chosen) return chosen;
  const kept = inThisBrowser.get(KEY);
  return kept === 'light' || kept === 'dark' ? kept : 'system';
}

export function isDark(): boolean {
  const now = choice();
  return now === 'system' ? system.matches : now === 'dark';
}

export function choose(next: Choice): void {
  // Where it cannot be kept, it holds until the page is left.
  chosen = next;
  inThisBrowser.set(KEY, next);
  show();
}

function show(): void {
  applyMode(isDark() ? Mode.Dark : Mode.Light);
  for (const listener of listeners) listener();
}

export function startTheme(): void {
  system.addEventListener('change', show);
  show();
}

function listen(changed: () => void): () => void {
  listeners.add(changed);
  return () => listeners.delete(changed);
}

export function useDark(): boolean {
  return useSyncExternalStore(listen, isDark);
}

export function useChoice(): Choice {
  return useSyncExternalStore(listen, choice);
}
