import { expect, it } from 'vitest';
import type { Comparison, MetricChange } from '../api/types';
import { againstBaseline, tellChange } from './changes';

const p95: MetricChange = { metric: 'p95_us', base: 147_000, candidate: 165_228, delta: 18_228, delta_pct: 12.4, low_pct: 10.3, high_pct: 14.7, significant: true, change: 'worse' };

it('tells a change with its word, interval and base', () => {
  expect(tellChange([p95], 'p95_us')).toEqual({ text: '▲ +12 %', tone: 'bad', said: 'worse: +12 %, between +10 % and +15 % (95 %); the baseline has 147,000 µs' });
  expect(tellChange([p95], 'p50_us')).toBeNull();
  expect(tellChange([{ ...p95, change: 'cannot_tell', why: 'too few' }], 'p95_us')).toMatchObject({ text: '+12 % ?', tone: 'muted', said: expect.stringContaining('. too few') });
});

it('tells error rates in points', () => {
  const rate = (delta: number): MetricChange => ({ metric: 'error_rate', base: 0.01, candidate: 0.01 + delta, delta, significant: false, change: 'same' });
  expect([0.0055, -0.0123, 0].map((delta) => tellChange([rate(delta)], 'error_rate')?.text)).toEqual(['+0.55 pp', '−1.2 pp', '0 pp']);
});

it('has a sentence for each verdict', () => {
  const of = (verdict: Comparison['verdict']) => againstBaseline({ verdict } as Comparison);
  expect((['worse', 'better', 'changed_but_small', 'same', 'cannot_tell', 'incomparable'] as const).map(of)).toEqual([
    'Worse than the baseline',
    'Better than the baseline',
    'Changed against the baseline, but little',
    'The same as the baseline',
    'No change against the baseline can be told',
    'Cannot be compared with the baseline',
  ]);
});
