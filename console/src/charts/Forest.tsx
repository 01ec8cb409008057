// Changes as a forest plot: a dot and its 95 % interval a row on a percent axis, what is
// too small to matter shaded, the word at the end of the row.
import { change as shown } from '../numbers/format';
import { ChartFrame, useWidth } from './frame';
import { changeWord } from '../ui/words';

export interface ForestRow {
  key: string;
  name: string;
  metric: string;
  /** In percent, or in percentage points for error rates. */
  delta: number | null;
  low: number | null;
  high: number | null;
  unit: '%' | 'pp';
  change: string;
  values: string;
  why?: string | undefined;
}

const TOP = 24;

const COLORS: Record<string, string> = { worse: 'var(--bad)', better: 'var(--good)' };

export default function Forest({ rows, small, title, unit }: { rows: ForestRow[]; small: number; title: string; unit: '%' | 'pp' }) {
  const [holder, width] = useWidth<HTMLDivElement>();
  // Narrow, a row's name stands above its interval.
  const isNarrow = width < 600;
  const name = isNarrow ? 8 : 280;
  const ROW = isNarrow ? 42 : 26;
  const WORD = isNarrow ? 84 : 150;
  const known = rows.flatMap((row) => [row.delta, row.low, row.high].filter((v): v is number => v !== null).map(Math.abs));
  const sorted = [...known].sort((a, b) => a - b);
  // The widest intervals are cut at the edge, so that the others can be read.
  const reach = Math.max(small * 3, Math.min(sorted.at(-1) ?? 0, (sorted[Math.floor(sorted.length * 0.8)] ?? 0) * 2.5)) * 1.1;
  const left = name;
  const right = Math.max(left + 60, width - WORD);
  const x = (value: number) => left + ((Math.max(-reach, Math.min(reach, value)) + reach) / (2 * reach)) * (right - left);
  const height = TOP + rows.length * ROW + 6;
  const text = (value: number | null) => (value === null ? '–' : unit === '%' ? shown(value) : `${value > 0 ? '+' : value < 0 ? '−' : ''}${Number(Math.abs(value).toPrecision(2))} pp`);
  const step = niceStep(reach);
  const ticks = (isNarrow ? [-1, 0, 1] : [-2, -1, 0, 1, 2]).map((n) => n * step).filter((value) => Math.abs(value) <= reach);
  return (
    <ChartFrame
      title={title}
      note={`right is more, left is less; shaded: within ±${small} ${unit}, too small to matter; bars are 95 % intervals`}
      sentence={`${rows.length} changes; ${rows.filter((row) => row.change === 'worse').length} worse, ${rows.filter((row) => row.change === 'better').length} better.`}
      table={{
        columns: ['What', 'values', 'change', '95 % interval', 'word'],
        rows: () => rows.map((row) => [`${row.name}, ${row.metric}`, row.values, text(row.delta), row.low === null ? '–' : `${text(row.low)} to ${text(row.high)}`, changeWord(row.change)]),
      }}
    >
      <div ref={holder} className="chart">
        {width > 0 && (
          <svg width={width} height={height}>
            <rect x={x(-small)} width={x(small) - x(-small)} y={TOP - 4} height={height - TOP} fill="var(--shade)" />
            {ticks.map((value) => (
              <g key={value}>
                <line x1={x(value)} x2={x(value)} y1={TOP - 4} y2={height - 4} stroke={value === 0 ? 'var(--axis)' : 'var(--grid)'} />
                <text x={x(value)} y={TOP - 9} fontSize={11} textAnchor="middle" fill="var(--axis)">{text(value)}</text>
              </g>
            ))}
            {rows.map((row, at) => {
              const y = TOP + at * ROW + (isNarrow ? ROW * 0.7 : ROW / 2);
              const color = COLORS[row.change] ?? 'var(--axis)';
              return (
                <g key={row.key}>
                  <title>{`${row.name}, ${row.metric}: ${row.values}, ${text(row.delta)}${row.low !== null ? `, between ${text(row.low)} and ${text(row.high)}` : ''}: ${changeWord(row.change)}${row.why ? `. ${row.why}` : ''}`}</title>
                  <text x={0} y={isNarrow ? y - 13 : y + 4} fontSize={13} fill="var(--axis)">
                    <tspan fontWeight={600}>{row.metric}</tspan> {cut(row.name, isNarrow ? 34 : 28)}
                  </text>
                  {row.low !== null && row.high !== null && <line x1={x(row.low)} x2={x(row.high)} y1={y} y2={y} stroke={color} strokeWidth={3} />}
                  {row.delta !== null && <circle cx={x(row.delta)} cy={y} r={5} fill={color} />}
                  <text x={right + 10} y={y + 4} fontSize={12} fill={color} fontWeight={COLORS[row.change] ? 700 : 400}>
                    {row.change === 'worse' ? '▲ ' : row.change === 'better' ? '▼ ' : ''}
                    {changeWord(row.change)}
                  </text>
                  <rect x={0} width={width} y={TOP + at * ROW} height={ROW} fill="transparent" />
                </g>
              );
            })}
          </svg>
        )}
      </div>
    </ChartFrame>
  );
}

function niceStep(reach: number): number {
  const raw = reach / 2.2;
  const size = 10 ** Math.floor(Math.log10(raw));
  return ([5, 2, 1].find((part) => part * size <= raw) ?? 1) * size;
}

function cut(text: string, most: number): string {
  return text.length > most ? `${text.slice(0, most - 1)}…` : text;
}
