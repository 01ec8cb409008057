// A label's p95 over the run as a line in its row, each point of added histograms.
import { useMemo } from 'react';
import type { LabelSeries } from '../../api/types';
import { Coarse } from '../../numbers/coarse';
import { near } from '../../numbers/format';

/** Points of a line; more lie closer than can be seen. */
export const SPARK_POINTS = 60;
const WIDTH = 80;
const HEIGHT = 20;

/** The p95 over `length` seconds in equal parts; null where nothing was answered. */
export function sparkOf(series: LabelSeries, length: number): (number | null)[] {
  const parts = Array.from({ length: Math.max(1, Math.min(SPARK_POINTS, Math.ceil(length))) }, () => new Coarse());
  for (const second of series.seconds) parts[Math.min(parts.length - 1, Math.floor((second.second / length) * parts.length))]?.add(second.latency);
  return parts.map((part) => part.quantile(0.95));
}

export function Spark({ series, length }: { series: LabelSeries; length: number }) {
  const line = useMemo(() => {
    const values = sparkOf(series, length);
    const known = values.filter((value): value is number => value !== null);
    const low = Math.min(...known);
    const high = Math.max(...known);
    const y = (value: number) => (high > low ? HEIGHT - 2 - ((HEIGHT - 4) * (value - low)) / (high - low) : HEIGHT / 2);
    let path = '';
    // A part without an answer, like those between the steps of a merged series, is passed over.
    values.forEach((value, at) => {
      if (value !== null) path += `${path ? 'L' : 'M'}${((at / Math.max(1, values.length - 1)) * WIDTH).toFixed(1)} ${y(value).toFixed(1)}`;
    });
    return { path, low, high, count: known.length };
  }, [series, length]);
  if (line.count === 0) return <span className="muted">–</span>;
  const said = `p95 between ${near(line.low)} and ${near(line.high)}`;
  return (
    <svg width={WIDTH} height={HEIGHT} role="img" aria-label={said}>
      <title>{said}</title>
      <path d={line.path} fill="none" stroke="var(--p95)" strokeWidth={1.5} />
    </svg>
  );
}
