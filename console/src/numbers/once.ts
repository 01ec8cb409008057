// What was requested once per run, as a sentence: it is in no number of the run.
import type { RunRecord } from '../api/types';
import { count, time } from './format';

type Facts = NonNullable<RunRecord['setup']>;

/** The sentence, and what failed; null where nothing was requested once. */
export function onceSentence(record: Pick<RunRecord, 'setup' | 'teardown'>): { text: string; failures: string[] } | null {
  const parts = [['setup', record.setup], ['teardown', record.teardown]] as const;
  const made = parts.flatMap(([name, facts]) => (facts ? [{ name, facts }] : []));
  if (made.length === 0) return null;
  const part = ({ name, facts }: { name: string; facts: Facts }) =>
    `${count(facts.requests)} ${facts.requests === 1 ? 'request' : 'requests'} of ${name} in ${time(facts.took_us)}${facts.failure ? ', which failed' : ''}`;
  return { text: `In no number: ${made.map(part).join(', ')}.`, failures: made.flatMap(({ facts }) => facts.failure ?? []) };
}
