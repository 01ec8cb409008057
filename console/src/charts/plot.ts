// How uPlot draws a chart over time: its axes, lines and marks, the shared cursor, and
// the zoom by mouse. The element around it is `TimeChart`.
import uPlot from 'uplot';
import { offset } from '../numbers/when';
import { color, STEPS_S } from './frame';

export interface Line {
  label: string;
  values: (number | null)[];
  /** A name of `styles.css`, or a colour. */
  color: string;
  dash?: number[];
  width?: number;
  /** A colour below the line. */
  fill?: string;
  /** Drawn as an area on the ones before it; its values are sums already. */
  stacked?: boolean;
  /** What the readout says, where it is not the value that is drawn. */
  told?: (number | null)[];
}

export interface Mark {
  from: number;
  to: number;
  text: string;
  color: string;
}

export interface Zoom {
  from?: number;
  to?: number;
  set: (from?: number, to?: number) => void;
}

export interface Props {
  title: string;
  note?: string;
  sentence: string;
  xs: number[];
  lines: Line[];
  show: (value: number) => string;
  log?: boolean;
  height?: number;
  /** Charts with the same name share their cursor. */
  together: string;
  zoom: Zoom;
  /** The whole time axis, where it is longer than what is known. */
  until?: number;
  marks?: Mark[];
  /** How many seconds there are: where the zoom ends. */
  known?: number;
  /** Without the mouse the readout shows the newest values. */
  isLive?: boolean;
}

function logSplits(low: number, high: number): number[] {
  const parts = high / low < 100 ? [1, 2, 5] : high / low < 1_000 ? [1, 3] : [1];
  const all: number[] = [];
  for (let decade = Math.floor(Math.log10(low)); decade <= Math.log10(high); decade++) {
    for (const part of parts) {
      const value = part * 10 ** decade;
      if (value >= low && value <= high) all.push(value);
    }
  }
  return all;
}

/** Least time between two changes of a value axis, ms: nothing jumps. */
const BETWEEN_SCALES_MS = 5_000;

export function dataOf(props: Props): uPlot.AlignedData {
  return [props.xs, ...props.lines.map((line) => line.values)] as uPlot.AlignedData;
}

export function window_(xs: number[], zoom: Zoom, until?: number): { low: number; high: number } {
  const low = zoom.from ?? 0;
  const high = zoom.to ?? Math.max(until ?? 0, xs.at(-1) ?? 0, 1);
  return { low, high: Math.max(high, low + 1) };
}

export function options(
  latest: { current: Props },
  width: number,
  height: number,
  setAt: (at: number | null) => void,
): uPlot.Options {
  const first = latest.current;
  const axis = color('--axis');
  const grid = { stroke: color('--grid'), width: 1 };
  const ticks = { stroke: color('--grid'), width: 1, size: 4 };
  const font = '11px system-ui, "DejaVu Sans", sans-serif';
  const range = stable(first.log === true);
  return {
    width,
    height,
    legend: { show: false },
    cursor: {
      sync: { key: first.together, setSeries: false },
      drag: { x: true, y: false, setScale: false },
      points: { size: 6 },
      bind: {
        dblclick: () => () => {
          latest.current.zoom.set();
          return null;
        },
      },
    },
    scales: {
      x: {
        time: false,
        range: (u) => {
          const { low, high } = window_(u.data[0] as number[], latest.current.zoom, latest.current.until);
          return [low, high];
        },
      },
      y: first.log ? { distr: 3, log: 10, range } : { range },
    },
    axes: [
      { stroke: axis, grid, ticks, font, size: 26, incrs: STEPS_S, values: (_, splits) => splits.map((s) => (Number.isInteger(s) ? offset(s) : '')) },
      {
        stroke: axis,
        grid,
        ticks,
        font,
        size: 66,
        // All ticks are named: left alone, a logarithmic axis names powers of ten only.
        ...(first.log ? { splits: (_u: uPlot, _axis: number, low: number, high: number) => logSplits(low, high), filter: (_u: uPlot, all: number[]) => all } : {}),
        // A tick is where it is; only what was measured is near.
        values: (_, splits) => splits.map((s) => (s === null || s === undefined ? '' : latest.current.show(s).replace('≈', ''))),
      },
    ],
    series: [
      {},
      ...first.lines.map((line): uPlot.Series => ({
        label: line.label,
        stroke: color(line.color),
        width: line.width ?? 1.75,
        ...(line.dash ? { dash: line.dash } : {}),
        ...(line.fill ? { fill: line.fill.startsWith('--') ? color(line.fill) : line.fill } : {}),
        points: { show: (u) => u.data[0].length < 3 },
        spanGaps: false,
      })),
    ],
    hooks: {
      drawClear: [(u) => drawMarks(u, latest.current.marks ?? [])],
      setCursor: [(u) => setAt(u.cursor.idx ?? null)],
      setSelect: [
        (u) => {
          if (u.select.width < 4) return;
          const from = Math.floor(u.posToVal(u.select.left, 'x'));
          const to = Math.ceil(u.posToVal(u.select.left + u.select.width, 'x'));
          u.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
          if (to > from) latest.current.zoom.set(Math.max(0, from), to);
        },
      ],
    },
  };
}

/** A value range with some air, which changes at most once in a while. */
function stable(isLog: boolean): uPlot.Scale.Range {
  let kept: [number, number] = [0, 0];
  let since = 0;
  const born = Date.now();
  return (_u, low, high) => {
    const now = Date.now();
    if (low === null || high === null || !Number.isFinite(high)) return isLog ? [1_000, 100_000] : [0, 1];
    const next: [number, number] = isLog ? [Math.max(1, low / 1.4), Math.max(2, high * 1.4)] : [0, high <= 0 ? 1 : high * 1.1];
    const fits = next[1] <= kept[1] * 1.001 && next[1] > kept[1] * 0.5 && (!isLog || next[0] >= kept[0] * 0.999);
    // While a page fills, what is stored and what is told come one after the other.
    const isNew = now - born < BETWEEN_SCALES_MS;
    if (since > 0 && (fits || (!isNew && now - since < BETWEEN_SCALES_MS))) return kept;
    kept = next;
    since = now;
    return kept;
  };
}

function drawMarks(u: uPlot, marks: Mark[]): void {
  const { ctx, bbox } = u;
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
  ctx.clip();
  for (const mark of marks) {
    const left = u.valToPos(mark.from, 'x', true);
    const right = u.valToPos(mark.to, 'x', true);
    // A moment is a line, which has to be seen beside those of the grid.
    ctx.globalAlpha = mark.from === mark.to ? 0.7 : 0.13;
    ctx.fillStyle = color(mark.color);
    ctx.fillRect(left, bbox.top, Math.max(2, right - left), bbox.height);
    ctx.globalAlpha = 1;
    ctx.fillRect(left, bbox.top, Math.max(2, right - left), 3);
  }
  ctx.restore();
}
