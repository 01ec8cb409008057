// Changes as a forest plot: a dot and its 95 % interval a row on a percent axis, what is
// too small to matter shaded, the word at the end of the row.
import { change as shown } from '../numbers/format';
import { ChartFrame, useWidth } from './frame';
import { bounded } from '../ui/parts';
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
  const { low: least, high: most } = reachOf(rows, small);
  const left = name;
  const right = Math.max(left + 60, width - WORD);
  const x = (value: number) => left + ((Math.max(least, Math.min(most, value)) - least) / (most - least)) * (right - left);
  const height = TOP + rows.length * ROW + 6;
  const text = (value: number | null) => (value === null ? '–' : unit === '%' ? shown(value) : `${value > 0 ? '+' : value < 0 ? '−' : ''}${Number(Math.abs(value).toPrecision(2))} pp`);
  const step = niceStep((most - least) / (isNarrow ? 3 : 6));
  const ticks: number[] = [];
  for (let n = Math.ceil(least / step); n * step <= most; n++) ticks.push(n * step);
  return (
    <ChartFrame
      title={title}
      note={`right is more, left is less; shaded: within ±${small} ${unit}, too small to matter; bars are 95 % intervals`}
      sentence={`${rows.length} changes; ${rows.filter((row) => row.change === 'worse').length} worse, ${rows.filter((row) => row.change === 'better').length} better.`}
      table={{
        columns: ['What', 'values', 'change', '95 % interval', 'word'],
        rows: () => rows.map((row) => [`${bounded(row.name, 120)}, ${row.metric}`, row.values, text(row.delta), interval(row, text).replace(/^, /, '') || '–', changeWord(row.change)]),
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
                  <title>{`${bounded(row.name)}, ${row.metric}: ${row.values}, ${text(row.delta)}${interval(row, text)}: ${changeWord(row.change)}${row.why ? `. ${row.why}` : ''}`}</title>
                  <text x={0} y={isNarrow ? y - 13 : y + 4} fontSize={13} fill="var(--axis)">
                    <tspan fontWeight={600}>{row.metric}</tspan> {bounded(row.name, isNarrow ? 33 : 27)}
                  </text>
                  {(row.low !== null || row.high !== null) && (
                    // An end that is not known is open: dotted to the edge.
                    <line x1={x(row.low ?? least)} x2={x(row.high ?? most)} y1={y} y2={y} stroke={color} strokeWidth={3} strokeDasharray={row.low === null || row.high === null ? '4 3' : undefined} />
                  )}
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

/** The axis: what matters is always in it, and the widest intervals are cut, so that the others can be read. */
function reachOf(rows: ForestRow[], small: number): { low: number; high: number } {
  const dots = rows.flatMap((row) => (row.delta === null ? [] : [row.delta]));
  const ends = rows.flatMap((row) => [row.low, row.high].filter((v): v is number => v !== null));
  const side = (sign: number) => {
    const far = [...dots, ...ends].map((v) => v * sign).filter((v) => v > 0).sort((a, b) => a - b);
    const typical = (far[Math.floor(far.length * 0.8)] ?? 0) * 2.5;
    return Math.max(small * 2, Math.min(far.at(-1) ?? 0, Math.max(typical, ...dots.map((v) => v * sign)))) * 1.08;
  };
  return { low: -side(-1), high: side(1) };
}

function interval(row: ForestRow, text: (value: number | null) => string): string {
  if (row.low !== null && row.high !== null) return `, between ${text(row.low)} and ${text(row.high)}`;
  if (row.low !== null) return `, ${text(row.low)} or more`;
  return row.high !== null ? `, ${text(row.high)} or less` : '';
}

function niceStep(raw: number): number {
  const size = 10 ** Math.floor(Math.log10(raw));
  return ([1, 2, 5, 10].find((part) => part * size >= raw) ?? 10) * size;
}
