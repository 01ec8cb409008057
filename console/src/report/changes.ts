// A change against the baseline as a cell tells it: its size, the comparison's word, and
// all of it for hovering. Whether it matters is the comparison's to say.
import type { Change, Comparison, MetricChange } from '../api/types';
import { change, exactTime, percent, rate } from '../numbers/format';

const WORDS: Record<Change, string> = {
  worse: 'worse',
  better: 'better',
  changed_but_small: 'changed, but small',
  same: 'same',
  cannot_tell: 'cannot tell',
};

export interface Told {
  text: string;
  tone: 'good' | 'bad' | 'muted';
  /** For hovering, and for those who do not see the tone. */
  said: string;
}

export function tellChange(metrics: readonly MetricChange[], metric: string): Told | null {
  const found = metrics.find((one) => one.metric === metric);
  if (!found) return null;
  const size = metric === 'error_rate' ? points(found.delta) : change(found.delta_pct);
  const arrow = found.change === 'worse' ? '▲ ' : found.change === 'better' ? '▼ ' : '';
  const interval =
    found.low_pct !== undefined && found.high_pct !== undefined ? `, between ${change(found.low_pct)} and ${change(found.high_pct)} (95 %)` : '';
  const was = metric.endsWith('_us') ? exactTime(found.base) : metric === 'rate' ? rate(found.base) : percent(found.base);
  return {
    text: `${arrow}${size}${found.change === 'cannot_tell' ? ' ?' : ''}`,
    tone: found.change === 'worse' ? 'bad' : found.change === 'better' ? 'good' : 'muted',
    said: `${WORDS[found.change] ?? found.change}: ${size}${interval}; the baseline has ${was}${found.why ? `. ${found.why}` : ''}`,
  };
}

function points(delta: number): string {
  const size = Number(Math.abs(delta * 100).toPrecision(2));
  return size === 0 ? '0 pp' : `${delta < 0 ? '−' : '+'}${size} pp`;
}

/** How the run stands against its baseline: "worse than the baseline". */
export function againstBaseline(comparison: Comparison): string {
  const { verdict } = comparison;
  if (verdict === 'incomparable') return 'Cannot be compared with the baseline';
  if (verdict === 'cannot_tell') return 'No change against the baseline can be told';
  if (verdict === 'same') return 'The same as the baseline';
  if (verdict === 'changed_but_small') return 'Changed against the baseline, but little';
  return `${verdict === 'worse' ? 'Worse' : 'Better'} than the baseline`;
}
