import { describe, expect, it } from 'vitest';
import { Coarse, lowUs, middleUs } from './coarse';

describe('coarse histograms', () => {
  it('has the documented bounds', () => {
    expect(lowUs(0)).toBe(1);
    expect(lowUs(8)).toBe(2);
    expect(lowUs(80)).toBe(1024);
    // The Rust test of a tick's line: 840 µs lies in bucket 77, whose middle is 825 µs.
    expect(lowUs(77) <= 840 && 840 < lowUs(78)).toBe(true);
    expect(Math.round(middleUs(77))).toBe(825);
  });

  it('adds, and takes percentiles from the sum', () => {
    const fast = new Coarse().add([[80, 99]]);
    const both = new Coarse().add([[80, 99]]).add([[160, 1]]);
    expect(both.count).toBe(100);
    expect(both.quantile(0.5)).toBe(middleUs(80));
    expect(both.quantile(0.99)).toBe(middleUs(80));
    expect(both.quantile(1)).toBe(middleUs(160));
    expect(fast.quantile(1)).toBe(middleUs(80));
    expect(both.rows()).toEqual([
      [80, 99],
      [160, 1],
    ]);
  });

  it('knows nothing of nothing', () => {
    expect(new Coarse().add(undefined).quantile(0.5)).toBeNull();
  });
});
