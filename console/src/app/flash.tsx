// Messages after an action, at the top of the page: one store, shown by App.
import type { FlashbarProps } from '@cloudscape-design/components/flashbar';
import { useSyncExternalStore } from 'react';

let items: FlashbarProps.MessageDefinition[] = [];
let next = 1;
const listeners = new Set<() => void>();

function set(change: FlashbarProps.MessageDefinition[]): void {
  items = change;
  for (const listener of listeners) listener();
}

const SHOWN_MS = 8_000;

/** Says what happened; an error stays until it is dismissed. */
export function flash(type: 'success' | 'error' | 'info' | 'warning', content: string): void {
  const id = String(next++);
  const drop = () => set(items.filter((item) => item.id !== id));
  set([...items.slice(-3), { id, type, content, dismissible: true, dismissLabel: 'Dismiss', onDismiss: drop }]);
  if (type === 'success' || type === 'info') setTimeout(drop, SHOWN_MS);
}

/** Shows why an action failed. */
export function flashError(what: string): (error: unknown) => void {
  return (error) => flash('error', `${what}: ${error instanceof Error ? error.message : String(error)}`);
}

export function useFlashes(): FlashbarProps.MessageDefinition[] {
  return useSyncExternalStore(
    (changed) => {
      listeners.add(changed);
      return () => listeners.delete(changed);
    },
    () => items,
  );
}
