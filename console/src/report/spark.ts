// A label's p95 over the run as a small line; each point is of added histograms.
import type { Second } from '../api/types';
import { Coarse } from '../numbers/coarse';

/** Points of a line; more lie closer than can be seen. */
const POINTS = 48;

/** The p95 in µs of equal parts of `length` seconds; null where nothing was answered. */
export function sparkOf(seconds: readonly Pick<Second, 'second' | 'latency'>[], length: number): (number | null)[] {
  const count = Math.max(1, Math.min(POINTS, Math.ceil(length)));
  const parts = Array.from({ length: count }, () => new Coarse());
  for (const second of seconds) {
    const at = Math.min(count - 1, Math.floor((second.second / Math.max(1, length)) * count));
    parts[at]?.add(second.latency);
  }
  return parts.map((part) => part.quantile(0.95));
}

export interface SparkPath {
  path: string;
  low: number;
  high: number;
}

/** Its path in a box; parts without an answer are passed over. Null where all are such. */
export function pathOf(values: readonly (number | null)[], width: number, height: number): SparkPath | null {
  const known = values.filter((value): value is number => value !== null);
  if (known.length === 0) return null;
  const low = Math.min(...known);
  const high = Math.max(...known);
  const x = (at: number) => (values.length < 2 ? width / 2 : (at / (values.length - 1)) * width);
  const y = (value: number) => (high > low ? height - 2 - ((height - 4) * (value - low)) / (high - low) : height / 2);
  let path = '';
  values.forEach((value, at) => {
    if (value !== null) path += `${path ? 'L' : 'M'}${x(at).toFixed(1)} ${y(value).toFixed(1)}`;
  });
  // A single point has no length and would not be drawn.
  return { path: known.length === 1 ? `${path}h3` : path, low, high };
}
