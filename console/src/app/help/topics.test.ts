import { expect, it } from 'vitest';
import { TOPICS } from './topics';

it('is short, and leads nowhere that is not there', () => {
  for (const [name, topic] of Object.entries(TOPICS)) {
    expect(topic.next ?? [], name).not.toContain(name);
    for (const next of topic.next ?? []) expect(TOPICS[next], `${name} to ${next}`).toBeDefined();
    for (const text of [...topic.body, ...(topic.terms ?? []).map(([, meaning]) => meaning)]) expect(text.length, text).toBeLessThan(330);
  }
});
