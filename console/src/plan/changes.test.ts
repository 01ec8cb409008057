import { expect, it } from 'vitest';
import type { LoadChange } from '../api/types';
import { askedBy, askedInWords, lasts, markedChanges, newest, wishOf, type Press } from './changes';

const PRESSES: Record<string, Press> = { '+': 'more', '-': 'less', p: 'pause', e: 'end' };

function pressed(keys: string): LoadChange[] {
  const changes: LoadChange[] = [];
  for (const key of keys) {
    const wish = wishOf(askedBy(changes), PRESSES[key] ?? 'end');
    if (wish) changes.push({ at_us: changes.length, factor: wish.factor ?? 0, ...(wish.end ? { end: true } : {}) });
  }
  return changes;
}

// The same rows as the terminal's test has.
it.each([
  ['', ''],
  ['+', '110 % of the plan'],
  ['+++', '130 % of the plan'],
  ['+-', ''],
  ['---------', '10 % of the plan'],
  ['-----------------', '10 % of the plan'],
  ['p', 'paused'],
  ['p-', 'paused'],
  ['++pp', '120 % of the plan'],
  ['++p+', '10 % of the plan'],
  ['+e', 'ending, as asked'],
  ['e+p-', 'ending, as asked'],
  ['+'.repeat(200), '1,000 % of the plan'],
])('moves the load by tenths of the plan: %j', (keys, told) => {
  expect(askedInWords(askedBy(pressed(keys)))).toBe(told);
});

it('asks for nothing that means nothing', () => {
  expect(wishOf(askedBy([]), 'end')).toEqual({ end: true });
  expect(wishOf(askedBy(pressed('-'.repeat(9))), 'less')).toBeNull();
  expect(wishOf(askedBy(pressed('+'.repeat(90))), 'more')).toBeNull();
  for (const press of ['more', 'less', 'pause', 'end'] as const) expect(wishOf(askedBy(pressed('e')), press)).toBeNull();
  // Others may ask for what is no tenth, too.
  const odd = askedBy([{ at_us: 0, factor: 0.125 }]);
  expect([askedInWords(odd), wishOf(odd, 'less'), wishOf(odd, 'more')]).toEqual(['12.5 % of the plan', { factor: 0.1 }, { factor: 0.2 }]);
  expect(wishOf(askedBy([{ at_us: 0, factor: 9.96 }]), 'more')).toEqual({ factor: 10 });
});

it('lasts as long as is planned, or as somebody asked', () => {
  const plan = { execution: [{ arrivals: 5, 'hold-for': '60s' }] };
  const load = { planned: [[0, 5], [59, 5]] as [number, number][] };
  const end = [{ at_us: 1_000_000, factor: 2 }, { at_us: 31_500_000, factor: 0, end: true }];
  expect([lasts(plan, load), lasts(plan, undefined, end.slice(0, 1)), lasts(plan, load, end), lasts(undefined, undefined)]).toEqual([60, 60, 31.5, 0]);
  // An end that comes after the plan's changes nothing.
  expect(lasts(plan, undefined, [{ at_us: 90_000_000, factor: 0, end: true }])).toBe(60);
});

it('marks changes where they begin', () => {
  const changes = [{ at_us: 12_345_678, factor: 1.1 }, { at_us: 20_000_000, factor: 0 }, { at_us: 31_500_000, factor: 0, end: true }];
  expect(markedChanges(changes)).toEqual([{ at: 12.345678, said: '110 % of the plan' }, { at: 20, said: 'paused' }, { at: 31.5, said: 'ended, as asked' }]);
  expect(markedChanges(undefined)).toEqual([]);
  expect(newest(undefined, changes.slice(0, 1), changes, [])).toBe(changes);
  expect(newest()).toEqual([]);
});
