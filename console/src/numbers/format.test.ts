import { describe, expect, it } from 'vitest';
import * as n from './format';

describe('numbers', () => {
  it('shows times with three digits in the unit that suits', () => {
    expect([0, 840, 999, 1000, 6470, 9996, 165_887, 999_600, 1_234_567, 61_000_000].map((us) => n.time(us))).toEqual([
      '0 µs',
      '840 µs',
      '999 µs',
      '1.00 ms',
      '6.47 ms',
      '10.0 ms',
      '166 ms',
      '1.00 s',
      '1.23 s',
      '61.0 s',
    ]);
    expect(n.time(null)).toBe('–');
    expect(n.exactTime(165_887)).toBe('165,887 µs');
  });

  it('shows two digits of what is known to two', () => {
    expect(n.near(165_887)).toBe('≈170 ms');
    expect(n.near(6_470)).toBe('≈6.5 ms');
    expect(n.near(995)).toBe('≈1.0 ms');
  });

  it('never rounds a share to all or none', () => {
    expect([0, 0.00953, 0.0482, 0.00001, 0.5, 1, 0.99999].map(n.percent)).toEqual([
      '0 %',
      '0.95 %',
      '4.82 %',
      '<0.01 %',
      '50 %',
      '100 %',
      '>99.99 %',
    ]);
  });

  it('shows rates, counts, bytes, durations and changes', () => {
    expect([0, 39.42, 199.4, 40, 12_345.6].map(n.rate)).toEqual(['0/s', '39.4/s', '199/s', '40/s', '12,346/s']);
    expect(n.count(1994)).toBe('1,994');
    expect(n.bytes(244_100)).toBe('244 kB');
    expect([9, 192, 600, 5400, 90_000].map(n.duration)).toEqual(['9 s', '3 min 12 s', '10 min', '1 h 30 min', '1 d 1 h']);
    expect([0, 4.26, -12.04, 250].map(n.change)).toEqual(['0 %', '+4.3 %', '−12 %', '+250 %']);
  });
});

it('counts in order', () => {
  expect([1, 2, 3, 4, 11, 12, 13, 21, 112, 1_003].map(n.ordinal)).toEqual(['1st', '2nd', '3rd', '4th', '11th', '12th', '13th', '21st', '112th', '1,003rd']);
});
