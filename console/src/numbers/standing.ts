// How a run stands, in one sentence that could be read aloud: the same words from the
// same values as in the terminal's result. What is drawn beside it is left to the pages.
import { percent, time } from './format';

export type Word = 'passed' | 'failed' | 'finished' | 'incomplete' | 'cancelled';
export type Trust = 'trusted' | 'degraded' | 'untrusted';

export interface Standing {
  word?: Word | undefined;
  trust?: Trust | undefined;
  /** 95 % of ok answers, µs. */
  p95Us?: number | null | undefined;
  ok?: number | undefined;
  failed?: number | undefined;
  /** The run's wire status, where there is no outcome. */
  status?: string | undefined;
}

/** "Passed, trusted: 95 % of answers within 166 ms, 0.95 % failed." */
export function standing(run: Standing): string {
  const word = run.word ?? run.status ?? 'unknown';
  const head = run.trust ? `${capital(word)}, ${run.trust}` : capital(word);
  const all = (run.ok ?? 0) + (run.failed ?? 0);
  if (run.ok === undefined || run.failed === undefined) return `${head}.`;
  if (all === 0) return `${head}: no request was finished.`;
  if (run.ok === 0) return `${head}: no request succeeded.`;
  const failed = run.failed === 0 ? 'none failed' : `${percent(run.failed / all)} failed`;
  if (run.p95Us === null || run.p95Us === undefined) return `${head}: ${failed}.`;
  return `${head}: 95 % of answers within ${time(run.p95Us)}, ${failed}.`;
}

export function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
