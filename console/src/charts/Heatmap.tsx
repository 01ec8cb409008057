// Response times as a heatmap: time across, logarithmic time up, the shade says how many
// requests; failures are dots above. Counts come from `seconds`.
import { memo, useEffect, useMemo, useRef, useState } from 'react';
import { useDark } from '../app/theme';
import { lowUs } from '../numbers/coarse';
import { count, near } from '../numbers/format';
import type { Stretch } from '../numbers/seconds';
import { offset } from '../numbers/when';
import { ChartFrame, color, STEPS_S, useWidth } from './frame';

const HEIGHT = 190;
const LEFT = 66;
const TOP = 16;
const BOTTOM = 22;
const RIGHT = 16;
/** Two buckets a row: a quarter of an octave. */
const STEP = 2;

export default memo(function Heatmap({ stretches, from, to }: { stretches: Stretch[]; from: number; to: number }) {
  const [holder, width] = useWidth<HTMLDivElement>();
  const canvas = useRef<HTMLCanvasElement>(null);
  const isDark = useDark();
  const [readout, setReadout] = useState('');
  const grid = useMemo(() => gridOf(stretches), [stretches]);

  useEffect(() => {
    const node = canvas.current;
    const ctx = node?.getContext('2d');
    if (!node || !ctx || width === 0) return;
    const scale = window.devicePixelRatio || 1;
    node.width = width * scale;
    node.height = HEIGHT * scale;
    ctx.setTransform(scale, 0, 0, scale, 0, 0);
    draw(ctx, width, grid, stretches, from, to);
  }, [width, grid, stretches, from, to, isDark]);

  const rows = grid.high - grid.low + 1;
  const hover = (x: number, y: number) => {
    const at = from + ((x - LEFT) / (width - LEFT - RIGHT)) * (to - from);
    const stretch = stretches.find((s) => s.from <= at && at < s.from + s.length);
    const row = grid.low + Math.floor((1 - (y - TOP) / (HEIGHT - TOP - BOTTOM)) * rows);
    if (!stretch || x < LEFT) return setReadout('');
    if (y < TOP) return setReadout(`${offset(stretch.from)}: ${count(stretch.failed)} failed`);
    const cell = grid.cells.get(stretch.from)?.get(row) ?? 0;
    setReadout(`${offset(stretch.from)}: ${count(cell)} answers of ${near(lowUs(row * STEP))} to ${near(lowUs((row + 1) * STEP))}`);
  };
  return (
    <ChartFrame
      title="Response times, each request"
      note="logarithmic; darker is more requests; dots above are seconds with failures"
      sentence={`Heatmap of response times: ok answers between ${near(lowUs(grid.low * STEP))} and ${near(lowUs((grid.high + 1) * STEP))}.`}
      table={{
        columns: ['Second', 'ok', 'failed', 'fastest', 'p50', 'p95', 'slowest'],
        rows: () =>
          stretches.map((s) => [offset(s.from), count(s.ok), count(s.failed), ...[0, 0.5, 0.95, 1].map((q) => near(s.latency.quantile(q)))]),
      }}
    >
      <div className="legend" aria-hidden>
        {readout}
      </div>
      <div ref={holder} className="chart" style={{ height: HEIGHT }}>
        <canvas
          ref={canvas}
          style={{ width: '100%', height: HEIGHT }}
          onMouseMove={(event) => {
            const box = event.currentTarget.getBoundingClientRect();
            hover(event.clientX - box.left, event.clientY - box.top);
          }}
          onMouseLeave={() => setReadout('')}
        />
      </div>
    </ChartFrame>
  );
});

interface Grid {
  cells: Map<number, Map<number, number>>;
  low: number;
  high: number;
  most: number;
}

function gridOf(stretches: Stretch[]): Grid {
  const cells = new Map<number, Map<number, number>>();
  let low = Infinity;
  let high = -Infinity;
  let most = 0;
  for (const stretch of stretches) {
    const column = new Map<number, number>();
    for (const [bucket, n] of stretch.latency.rows()) {
      const row = Math.floor(bucket / STEP);
      const sum = (column.get(row) ?? 0) + n;
      column.set(row, sum);
      low = Math.min(low, row);
      high = Math.max(high, row);
      most = Math.max(most, sum / stretch.length);
    }
    cells.set(stretch.from, column);
  }
  return Number.isFinite(low) ? { cells, low: low - 1, high: high + 1, most } : { cells, low: 30, high: 60, most: 1 };
}

function draw(ctx: CanvasRenderingContext2D, width: number, grid: Grid, stretches: Stretch[], from: number, to: number): void {
  ctx.clearRect(0, 0, width, HEIGHT);
  const plotWidth = width - LEFT - RIGHT;
  const plotHeight = HEIGHT - TOP - BOTTOM;
  const rows = grid.high - grid.low + 1;
  const x = (second: number) => LEFT + ((second - from) / (to - from)) * plotWidth;
  const y = (row: number) => TOP + plotHeight * (1 - (row - grid.low) / rows);
  ctx.font = '11px system-ui, "DejaVu Sans", sans-serif';
  ctx.textBaseline = 'middle';
  ctx.textAlign = 'right';
  for (let decade = 0; decade < 10; decade++) {
    for (const part of [1, 3]) {
      const us = part * 10 ** decade;
      const at = y((Math.log2(us) * 8) / STEP);
      if (at < TOP || at > TOP + plotHeight) continue;
      ctx.fillStyle = color('--grid');
      ctx.fillRect(LEFT, at, plotWidth, 1);
      ctx.fillStyle = color('--axis');
      ctx.fillText(near(us).replace('≈', ''), LEFT - 6, at);
    }
  }
  const cell = plotHeight / rows;
  ctx.fillStyle = color('--p95');
  for (const stretch of stretches) {
    const left = x(stretch.from);
    const wide = Math.max(1, x(stretch.from + stretch.length) - left - (plotWidth / (to - from) > 4 ? 1 : 0));
    for (const [row, n] of grid.cells.get(stretch.from) ?? []) {
      // The root keeps single requests visible beside thousands.
      ctx.globalAlpha = 0.15 + 0.85 * Math.sqrt(n / stretch.length / grid.most);
      ctx.fillRect(left, y(row + 1), wide, Math.max(1, cell - 0.5));
    }
  }
  ctx.globalAlpha = 1;
  ctx.fillStyle = color('--failed');
  for (const stretch of stretches) {
    if (stretch.failed === 0) continue;
    ctx.beginPath();
    ctx.arc(x(stretch.from + stretch.length / 2), 7, Math.min(5, 1.5 + Math.log2(1 + stretch.failed / stretch.length)), 0, 7);
    ctx.fill();
  }
  ctx.fillStyle = color('--axis');
  ctx.textBaseline = 'top';
  ctx.textAlign = 'center';
  const step = STEPS_S.find((one) => (to - from) / one <= plotWidth / 60) ?? 604_800;
  for (let second = Math.ceil(from / step) * step; second <= to; second += step) ctx.fillText(offset(second), x(second), TOP + plotHeight + 6);
}
