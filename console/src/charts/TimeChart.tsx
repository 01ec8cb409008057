// A chart over a run's time: dense lines by uPlot, one cursor and one zoom shared by all
// charts of a page. What is drawn, and in which unit, is left to who uses it.
import { memo, useEffect, useMemo, useRef, useState, type KeyboardEvent } from 'react';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import { useDark } from '../app/theme';
import { UNKNOWN } from '../numbers/format';
import { offset } from '../numbers/when';
import { ChartFrame, css, useWidth } from './frame';
import { dataOf, options, window_, type Props } from './plot';
import { movedCursor, stepOfKey, stepped } from './window';

export default memo(function TimeChart(props: Props) {
  const [holder, width] = useWidth<HTMLDivElement>();
  const isDark = useDark();
  const plot = useRef<uPlot | null>(null);
  const latest = useRef(props);
  latest.current = props;
  const [at, setAt] = useState<number | null>(null);
  const data = useMemo(
    () => [props.xs, ...props.lines.map((line) => line.values)] as uPlot.AlignedData,
    [props.xs, props.lines],
  );
  const shape = props.lines.map((line) => [line.label, line.color, line.dash, line.fill, line.stacked].join()).join('|');
  const height = props.height ?? 190;

  useEffect(() => {
    const node = holder.current;
    if (!node || width === 0) return;
    const made = new uPlot(options(latest, width, height, setAt), dataOf(latest.current), node);
    plot.current = made;
    return () => {
      made.destroy();
      plot.current = null;
    };
  }, [holder, width, height, isDark, shape, props.log, props.together]);

  useEffect(() => {
    const { zoom, until } = latest.current;
    const made = plot.current;
    if (!made) return;
    made.batch(() => {
      made.setData(data, false);
      const { low, high } = window_(props.xs, zoom, until);
      made.setScale('x', { min: low, max: high });
    });
  }, [data, props.xs, props.zoom.from, props.zoom.to, props.until]);

  const index = at ?? (props.isLive && props.xs.length > 0 ? props.xs.length - 1 : null);
  const isStale = at === null;
  const press = (event: KeyboardEvent) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const { zoom, xs } = props;
    const step = stepOfKey(event.key, event.shiftKey);
    const moved = step === null && !event.shiftKey ? movedCursor(event.key, at, xs.length) : null;
    if (step === null && moved === null) return;
    event.preventDefault();
    if (step !== null) {
      const next = stepped(zoom, Math.max(1, props.known ?? (xs.at(-1) ?? 0) + 1), step);
      zoom.set(next?.from, next?.to);
    } else if (moved !== null) {
      moveCursor(props.together, xs[moved] ?? 0);
    }
  };
  return (
    <ChartFrame
      isActive
      title={props.title}
      {...(props.note ? { note: props.note } : {})}
      sentence={props.sentence}
      table={{
        columns: ['Second', ...props.lines.map((line) => line.label)],
        rows: () =>
          props.xs.map((x, row) => [
            offset(x),
            ...props.lines.map((line) => tell((line.told ?? line.values)[row], props.show)),
          ]),
      }}
    >
      <div className="legend" aria-hidden>
        <span className="muted">{index !== null ? `${isStale ? 'last ' : ''}${offset(props.xs[index] ?? 0)}` : ''}</span>
        {props.lines.map((line, at) => (
          <span key={`${at} ${line.label}`}>
            <i style={{ borderTopColor: css(line.color), borderTopStyle: line.dash ? 'dotted' : 'solid' }} />
            {line.label} {index !== null && <b>{tell((line.told ?? line.values)[index], props.show)}</b>}
          </span>
        ))}
      </div>
      <div
        ref={holder}
        className="chart"
        style={{ height }}
        tabIndex={0}
        role="slider"
        aria-label={`${props.title}: cursor`}
        aria-valuemin={props.xs[0] ?? 0}
        aria-valuemax={props.xs.at(-1) ?? 0}
        aria-valuenow={props.xs[index ?? props.xs.length - 1] ?? 0}
        aria-valuetext={readout(props, index ?? props.xs.length - 1)}
        onKeyDown={press}
      />
    </ChartFrame>
  );
});

/** "0:12: ok 20/s, failed 1/s" */
function readout({ xs, lines, show }: Props, index: number): string {
  const x = xs[index];
  if (x === undefined) return 'nothing was measured in this window';
  return `${offset(x)}: ${lines.map((line) => `${line.label} ${tell((line.told ?? line.values)[index], show)}`).join(', ')}`;
}

/** Moves the cursor of all charts of a group. */
function moveCursor(together: string, x: number): void {
  for (const plot of uPlot.sync(together).plots) plot.setCursor({ left: plot.valToPos(x, 'x'), top: 10 });
}

function tell(value: number | null | undefined, show: (value: number) => string): string {
  return value === null || value === undefined ? UNKNOWN : show(value);
}
