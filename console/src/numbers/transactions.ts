// What is said of a run's transactions, above their table.
import type { Block } from '../api/types';
import { count } from './format';

/** What they are, and how many had not ended. */
export function transactionsNote(all: readonly Block[]): string {
  const unfinished = all.reduce((sum, block) => sum + (block.unfinished ?? 0), 0);
  const left = unfinished === 0 ? '' : ` ${count(unfinished)} more had begun and not ended when the load did.`;
  return `Groups of requests, each timed as one; the requests are counted by label.${left}`;
}
