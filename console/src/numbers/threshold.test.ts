import { expect, it } from 'vitest';
import { limitOf, valueOf } from './threshold';

it('reads limits', () => {
  expect(limitOf('p(95)<250ms')).toEqual({ value: 250_000, isBelow: true, percentile: 95 });
  expect(limitOf('/: p(95)<100ms')).toEqual({ value: 100_000, isBelow: true, percentile: 95, label: '/' });
  expect(limitOf('error_rate<3%')).toEqual({ value: 0.03, isBelow: true });
  expect(limitOf('rate>500/s')).toEqual({ value: 500, isBelow: false });
  expect(limitOf('nonsense')).toBeNull();
});

it('reads what was observed', () => {
  expect([valueOf('165.887ms'), valueOf('0.953%'), valueOf('39.4/s'), valueOf('x')]).toEqual([165_887, expect.closeTo(0.00953), 39.4, null]);
});
