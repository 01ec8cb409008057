// The shape of response times: how many requests took how long, and the percentile
// spectrum, of one run or several over each other. Buckets come from the API, exact to
// three digits.
import { useMemo } from 'react';
import type { HistogramAnswer } from '../api/types';
import { count, percent, time } from '../numbers/format';
import { ChartFrame, useWidth } from './frame';

export interface Shape {
  name: string;
  color: string;
  answer: HistogramAnswer;
}

const LEFT = 56;
const RIGHT = 14;
const TOP = 12;
const BOTTOM = 26;
const HEIGHT = 210;
const PER_DECADE = 24;

interface Bar {
  low: number;
  high: number;
  share: number;
  count: number;
}

/** Bars of equal width on a logarithmic axis. */
export function barsOf(answer: HistogramAnswer): Bar[] {
  const bars = new Map<number, number>();
  let total = 0;
  for (const [low, high, n] of answer.buckets) {
    const at = Math.floor(Math.log10(Math.max(1, (low + high) / 2)) * PER_DECADE);
    bars.set(at, (bars.get(at) ?? 0) + n);
    total += n;
  }
  return [...bars]
    .sort(([a], [b]) => a - b)
    .map(([at, n]) => ({ low: 10 ** (at / PER_DECADE), high: 10 ** ((at + 1) / PER_DECADE), share: n / total, count: n }));
}

export function Distribution({ shapes, limits, of }: { shapes: Shape[]; limits?: { us: number; text: string }[]; of: string }) {
  const [holder, width] = useWidth<HTMLDivElement>();
  const all = useMemo(() => shapes.map((shape) => ({ ...shape, bars: barsOf(shape.answer) })), [shapes]);
  const first = all[0];
  const lows = all.flatMap((shape) => shape.bars.map((bar) => bar.low));
  const highs = all.flatMap((shape) => shape.bars.map((bar) => bar.high));
  for (const limit of limits ?? []) {
    lows.push(limit.us / 1.1);
    highs.push(limit.us * 1.1);
  }
  const low = Math.log10(Math.min(...lows, 1e9));
  const high = Math.log10(Math.max(...highs, 1));
  const most = Math.max(...all.flatMap((shape) => shape.bars.map((bar) => bar.share)), 0.01);
  const x = (us: number) => LEFT + ((Math.log10(us) - low) / Math.max(0.01, high - low)) * (width - LEFT - RIGHT);
  const y = (share: number) => TOP + (1 - share / (most * 1.05)) * (HEIGHT - TOP - BOTTOM);
  const d = first?.answer.distribution;
  return (
    <ChartFrame
      title="How many took how long"
      note={`${of}; logarithmic; share of requests a bar${all.length > 1 ? '; outline: the baseline' : ''}`}
      sentence={d && d.count > 0 ? `Distribution of ${count(d.count)} response times from ${time(d.min_us)} to ${time(d.max_us)}, half within ${time(d.p50_us)}.` : 'No response times.'}
      table={{
        columns: ['From', 'to', ...all.map((shape) => shape.name)],
        rows: () => (first?.bars ?? []).map((bar) => [time(bar.low), time(bar.high), ...all.map((shape) => count(shape.bars.find((other) => other.low === bar.low)?.count ?? 0))]),
      }}
    >
      <div ref={holder} className="chart">
        {width > 0 && first && (
          <svg width={width} height={HEIGHT}>
            <Ticks low={low} high={high} x={x} />
            {[0, 0.5, 1].map((part) => (
              <text key={part} x={LEFT - 6} y={y(most * part) + 4} fontSize={11} textAnchor="end" fill="var(--axis)">
                {percent(most * part)}
              </text>
            ))}
            {first.bars.map((bar) => (
              <rect key={bar.low} x={x(bar.low) + 0.5} width={Math.max(1, x(bar.high) - x(bar.low) - 1)} y={y(bar.share)} height={Math.max(0, y(0) - y(bar.share))} fill={first.color}>
                <title>{`${time(bar.low)} to ${time(bar.high)}: ${count(bar.count)} requests, ${percent(bar.share)}`}</title>
              </rect>
            ))}
            {all.slice(1).map((shape) => (
              <path key={shape.name} d={outline(shape.bars, x, y)} fill="none" stroke={shape.color} strokeWidth={1.5} />
            ))}
            {(limits ?? []).map((limit) => (
              <g key={limit.text}>
                <line x1={x(limit.us)} x2={x(limit.us)} y1={TOP} y2={HEIGHT - BOTTOM} stroke="var(--bad)" strokeDasharray="5 3" />
                <text x={x(limit.us) + (x(limit.us) < width / 2 ? 5 : -5)} y={TOP + 10} fontSize={11} textAnchor={x(limit.us) < width / 2 ? 'start' : 'end'} fill="var(--bad)">
                  {limit.text}
                </text>
              </g>
            ))}
          </svg>
        )}
      </div>
    </ChartFrame>
  );
}

function outline(bars: Bar[], x: (us: number) => number, y: (share: number) => number): string {
  let path = '';
  let last = 0;
  for (const bar of bars) {
    if (last === 0 || Math.abs(bar.low / last - 1) > 1e-6) path += `${last ? `V${y(0)}` : ''}M${x(bar.low)} ${y(0)}`;
    path += `V${y(bar.share)}H${x(bar.high)}`;
    last = bar.high;
  }
  return last ? `${path}V${y(0)}` : path;
}

function Ticks({ low, high, x }: { low: number; high: number; x: (us: number) => number }) {
  const ticks: number[] = [];
  const parts = high - low < 1.6 ? [1, 2, 5] : [1];
  for (let decade = Math.floor(low); decade <= Math.ceil(high); decade++) {
    for (const part of parts) {
      const us = part * 10 ** decade;
      if (Math.log10(us) >= low && Math.log10(us) <= high) ticks.push(us);
    }
  }
  return (
    <>
      {ticks.map((us) => (
        <g key={us}>
          <line x1={x(us)} x2={x(us)} y1={TOP} y2={HEIGHT - BOTTOM} stroke="var(--grid)" />
          <text x={x(us)} y={HEIGHT - 8} fontSize={11} textAnchor="middle" fill="var(--axis)">
            {time(us, us >= 1e3 && us % 1e3 === 0 ? 1 : 1)}
          </text>
        </g>
      ))}
    </>
  );
}

/** The points of a spectrum: what share of answers came within which time. */
export function spectrumOf(answer: HistogramAnswer): { q: number; us: number }[] {
  const total = answer.buckets.reduce((sum, row) => sum + row[2], 0);
  const points: { q: number; us: number }[] = [];
  let seen = 0;
  for (const [, high, n] of answer.buckets) {
    seen += n;
    points.push({ q: seen / total, us: high });
  }
  return points;
}

const QUANTILES = [0.5, 0.75, 0.9, 0.95, 0.99, 0.999, 0.9999, 0.99999];
const nines = (q: number) => -Math.log10(1 - q);

export function Spectrum({ shapes, of }: { shapes: Shape[]; of: string }) {
  const [holder, width] = useWidth<HTMLDivElement>();
  const all = useMemo(() => shapes.map((shape) => ({ ...shape, points: spectrumOf(shape.answer) })), [shapes]);
  // Beyond 1 − 1/n no sample lies: the axis ends where the largest run does.
  const most = Math.max(...shapes.map((shape) => shape.answer.distribution.count), 10);
  const end = Math.min(nines(QUANTILES.at(-1) ?? 0), Math.log10(most));
  const shownQ = QUANTILES.filter((q) => nines(q) <= end + 0.01);
  const values = all.flatMap((shape) => shape.points.filter((p) => p.q >= 0.5).map((p) => p.us));
  const low = Math.log10(Math.max(1, Math.min(...values, 1e9) / 1.2));
  const high = Math.log10(Math.max(...values, 10) * 1.2);
  const x = (q: number) => LEFT + ((Math.min(end, nines(Math.min(q, 1 - 1e-12))) - nines(0.5)) / (end - nines(0.5))) * (width - LEFT - RIGHT);
  const y = (us: number) => TOP + (1 - (Math.log10(us) - low) / (high - low)) * (HEIGHT - TOP - BOTTOM);
  const at = (points: { q: number; us: number }[], q: number) => points.find((p) => p.q >= q - 1e-12)?.us;
  const first = all[0];
  return (
    <ChartFrame
      title="Percentile spectrum"
      note={`${of}; both axes logarithmic; exact to three digits`}
      sentence={first ? `Percentiles: ${shownQ.map((q) => `${percentile(q)} ${time(at(first.points, q))}`).join(', ')}.` : 'No percentiles.'}
      table={{
        columns: ['Percentile', ...all.map((shape) => shape.name)],
        rows: () => shownQ.map((q) => [percentile(q), ...all.map((shape) => time(at(shape.points, q)))]),
      }}
    >
      <div ref={holder} className="chart">
        {width > 0 && (
          <svg width={width} height={HEIGHT}>
            {shownQ.map((q) => (
              <g key={q}>
                <line x1={x(q)} x2={x(q)} y1={TOP} y2={HEIGHT - BOTTOM} stroke="var(--grid)" />
                <text x={x(q)} y={HEIGHT - 8} fontSize={11} textAnchor="middle" fill="var(--axis)">
                  {percentile(q).slice(1)}
                </text>
              </g>
            ))}
            {timeTicks(low, high).map((us) => (
              <g key={us}>
                <line x1={LEFT} x2={width - RIGHT} y1={y(us)} y2={y(us)} stroke="var(--grid)" />
                <text x={LEFT - 6} y={y(us) + 4} fontSize={11} textAnchor="end" fill="var(--axis)">
                  {time(us, 1)}
                </text>
              </g>
            ))}
            {all.map((shape) => (
              <path
                key={shape.name}
                fill="none"
                stroke={shape.color}
                strokeWidth={2}
                d={stairs(shape.points.filter((p) => p.q >= 0.5), x, y)}
              />
            ))}
            {first &&
              shownQ.map((q) => {
                const us = at(first.points, q);
                return us === undefined ? null : (
                  <circle key={q} cx={x(q)} cy={y(us)} r={3.5} fill={first.color}>
                    <title>{`${percentile(q)}: ${time(us)}`}</title>
                  </circle>
                );
              })}
          </svg>
        )}
      </div>
    </ChartFrame>
  );
}

function stairs(points: { q: number; us: number }[], x: (q: number) => number, y: (us: number) => number): string {
  let path = '';
  let before = 0.5;
  for (const { q, us } of points) {
    path += `${path ? 'L' : 'M'}${x(before).toFixed(1)} ${y(us).toFixed(1)}L${x(q).toFixed(1)} ${y(us).toFixed(1)}`;
    before = q;
  }
  return path;
}

function timeTicks(low: number, high: number): number[] {
  const parts = high - low < 1 ? [1, 2, 3, 5, 7] : high - low < 2 ? [1, 2, 5] : [1];
  const all: number[] = [];
  for (let decade = Math.floor(low); decade <= high; decade++) {
    for (const part of parts) {
      const us = part * 10 ** decade;
      if (Math.log10(us) >= low && Math.log10(us) <= high) all.push(us);
    }
  }
  return all;
}

function percentile(q: number): string {
  return `p${Number((q * 100).toFixed(4))}`;
}
