// Light or dark as the system has it, and always light on paper: what charts ask for as
// `app/theme`. A report keeps no choice of its own.
import { useSyncExternalStore } from 'react';
import { flushSync } from 'react-dom';

const system = window.matchMedia('(prefers-color-scheme: dark)');
const paper = window.matchMedia('print');
const listeners = new Set<() => void>();
let isPrinting = paper.matches;
let isDarkNow = system.matches && !isPrinting;

/** Whether the page is being laid out for paper. */
export function usePrinting(): boolean {
  return useSyncExternalStore(listen, () => isPrinting);
}

export function useDark(): boolean {
  return useSyncExternalStore(listen, () => isDarkNow);
}

function listen(changed: () => void): () => void {
  listeners.add(changed);
  return () => listeners.delete(changed);
}

function show(printing: boolean): void {
  isPrinting = printing;
  isDarkNow = system.matches && !printing;
  const root = document.documentElement;
  root.classList.toggle('awsui-dark-mode', isDarkNow);
  root.classList.toggle('printing', printing);
  // Paper is taken right after the event: what is drawn must be drawn by then.
  flushSync(() => listeners.forEach((listener) => listener()));
}

/** Called before anything is drawn, so that charts hear of paper after the page has its width. */
export function startTheme(): void {
  system.addEventListener('change', () => show(isPrinting));
  paper.addEventListener('change', () => show(paper.matches));
  window.addEventListener('beforeprint', () => show(true));
  window.addEventListener('afterprint', () => show(false));
  show(isPrinting);
}
