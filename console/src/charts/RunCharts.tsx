// The charts of a run's time, live and afterwards: rate against plan, response times,
// users, errors by cause, and the heatmap. Numbers come from `seconds`.
import ColumnLayout from '@cloudscape-design/components/column-layout';
import Button from '@cloudscape-design/components/button';
import SpaceBetween from '@cloudscape-design/components/space-between';
import { useDeferredValue, useMemo } from 'react';
import type { LoadSummary } from '../api/types';
import { count, duration, near, plain, rate } from '../numbers/format';
import { causesOf, plannedAt, type Stretch } from '../numbers/seconds';
import { offset } from '../numbers/when';
import { markedChanges } from '../plan/changes';
import { causeColor } from './frame';
import Heatmap from './Heatmap';
import type { Line, Mark, Zoom } from './plot';
import { marksOfChanges } from './marks';
import TimeChart from './TimeChart';
import { stepped, type Step } from './window';

interface Props {
  /** What is drawn: the window that is shown, or more. */
  stretches: Stretch[];
  /** How many seconds are known. */
  known: number;
  load?: LoadSummary | undefined;
  zoom: Zoom;
  together: string;
  marks?: Mark[];
  /** How long the whole run is planned to be. */
  until?: number | undefined;
  heatmap?: boolean;
  /** Requests that an arrival makes, where that is known: what is planned is arrivals. */
  perArrival?: number | undefined;
  isLive?: boolean;
}

export default function RunCharts({ stretches, known, load, zoom, together, marks, until, heatmap, perArrival, isLive }: Props) {
  const columns = useMemo(() => columnsOf(stretches, load, perArrival), [stretches, load, perArrival]);
  // The heatmap is drawn after the lines, so that a step of the zoom is not held up by it.
  const later = useDeferredValue(stretches);
  const { xs } = columns;
  const isOpen = load?.model === 'open';
  const whole = until === undefined ? {} : { until };
  const all = useMemo(() => [...(marks ?? []), ...marksOfChanges(load?.changes)], [marks, load?.changes]);
  const common = { isLive: isLive === true, known, xs, together, zoom, ...whole, marks: all };
  const length = stretches[0]?.length ?? 1;
  const note = length > 1 ? `each point is ${duration(length)}` : 'each point is 1 s';
  const window = zoom.from === undefined ? 'the whole run' : `${offset(zoom.from)} to ${offset(zoom.to ?? 0)}`;
  return (
    <SpaceBetween size="s">
      <div className="muted" style={{ fontSize: 13 }}>
        Shown: {window}, {note}. Drag over a chart to zoom, double click to leave; by keyboard: arrows, + and −.
        <ZoomButtons zoom={zoom} whole={Math.max(known, 1)} />
      </div>
      <Changes changes={load?.changes} />
      <ColumnLayout columns={2} minColumnWidth={340}>
        <TimeChart
          {...common}
          title="Requests per second"
          note={isOpen ? 'planned dotted' : 'finished: ok and failed'}
          sentence={sentenceOfRate(columns.rates)}
          lines={columns.rateLines}
          show={rate}
        />
        <TimeChart
          {...common}
          log
          title="Response times of ok answers"
          note="logarithmic; from added histograms, known to two digits"
          sentence={`Response times over time. ${spread(columns.p95, near, 'The 95th percentile')}`}
          lines={columns.timeLines}
          show={near}
        />
        <TimeChart
          {...common}
          title="Failures per second, by cause"
          sentence={columns.causeLines.length === 0 ? 'No request failed in this window.' : `Failures by cause: ${columns.causeText}.`}
          lines={columns.causeLines}
          show={rate}
          height={150}
        />
        <TimeChart
          {...common}
          title={isOpen ? 'Requests in flight' : 'Users'}
          sentence={spread(stretches.map((s) => s.users), plain, isOpen ? 'Requests in flight' : 'Users')}
          lines={columns.userLines}
          show={plain}
          height={150}
        />
      </ColumnLayout>
      {columns.hasRunners && (
        <TimeChart
          {...common}
          title="Runners making load"
          sentence={spread(columns.runners, plain, 'Runners making load')}
          lines={columns.runnerLines}
          show={plain}
          height={110}
        />
      )}
      {heatmap && <Heatmap stretches={later} from={zoom.from ?? 0} to={zoom.to ?? Math.max(until ?? 0, known, 1)} />}
    </SpaceBetween>
  );
}

/** Of a load that was changed again and again, so many changes are told. */
const MOST_CHANGES = 50;

/** What the marks of changes mean, in words. */
function Changes({ changes }: { changes: LoadSummary['changes'] }) {
  const marked = markedChanges(changes);
  if (marked.length === 0) return null;
  return (
    <div style={{ fontSize: 13 }}>
      A person changed the load:
      <ol aria-label="Changes of the load" style={{ margin: 0, paddingLeft: 18 }}>
        {marked.slice(0, MOST_CHANGES).map(({ at, said }, n) => (
          <li key={n} title={`after ${at} s`}>{offset(Math.floor(at))}: {said}</li>
        ))}
      </ol>
      {marked.length > MOST_CHANGES && <span className="muted">and {count(marked.length - MOST_CHANGES)} more</span>}
    </div>
  );
}

/** The zoom without a mouse. */
function ZoomButtons({ zoom, whole }: { zoom: Zoom; whole: number }) {
  const isZoomed = zoom.from !== undefined;
  const from = zoom.from ?? 0;
  const to = zoom.to ?? whole;
  const go = (step: Step) => {
    const next = stepped(zoom, whole, step);
    zoom.set(next?.from, next?.to);
  };
  return (
    <SpaceBetween direction="horizontal" size="xxs" alignItems="center">
      <Button variant="icon" iconName="zoom-in" ariaLabel="Zoom in" disabled={to - from <= 4} onClick={() => go('in')} />
      <Button variant="icon" iconName="zoom-out" ariaLabel="Zoom out" disabled={!isZoomed} onClick={() => go('out')} />
      <Button variant="icon" iconName="angle-left" ariaLabel="Earlier" disabled={!isZoomed || from <= 0} onClick={() => go('earlier')} />
      <Button variant="icon" iconName="angle-right" ariaLabel="Later" disabled={!isZoomed || to >= whole} onClick={() => go('later')} />
      {isZoomed && (
        <Button variant="inline-link" onClick={() => go('all')}>
          Show the whole run
        </Button>
      )}
    </SpaceBetween>
  );
}

function columnsOf(stretches: Stretch[], load: LoadSummary | undefined, perArrival: number | undefined) {
  const xs = stretches.map((s) => s.from);
  const rates = stretches.map((s) => (s.ok + s.failed) / s.length);
  const quantile = (q: number) => stretches.map((s) => s.latency.quantile(q));
  const p50 = quantile(0.5);
  const p95 = quantile(0.95);
  const p99 = quantile(0.99);
  const planned = xs.map((x, at) => {
    const value = plannedAt(load?.planned ?? [], x + (stretches[at]?.length ?? 1) / 2);
    return value === null ? null : value;
  });
  const rateLines: Line[] = [{ label: 'finished', values: rates, color: '--rate', fill: '--band' }];
  if (load?.model === 'open') {
    rateLines.push({ label: perArrival === undefined ? 'planned arrivals' : 'planned', values: planned.map((v) => (v === null ? null : v * (perArrival ?? 1))), color: '--planned', dash: [2, 4] });
  }
  const userLines: Line[] = [{ label: load?.model === 'open' ? 'in flight' : 'users', values: stretches.map((s) => s.users), color: '--rate' }];
  if (load?.model === 'closed') userLines.push({ label: 'planned', values: planned, color: '--planned', dash: [2, 4] });
  const runners = stretches.map((s) => s.runners);
  const causes = causesOf(stretches);
  let below = stretches.map(() => 0);
  // Stacked: the lowest last, so that each area is seen.
  const causeLines = causes.map((cause): Line => {
    const told = stretches.map((s) => (s.causes.get(cause) ?? 0) / s.length);
    const values = told.map((value, at) => value + (below[at] ?? 0));
    below = values;
    return { label: cause, values, told, color: causeColor(cause), fill: `${causeColor(cause)}b0`, width: 1, stacked: true };
  });
  const sums = causes.map((cause) => `${count(stretches.reduce((n, s) => n + (s.causes.get(cause) ?? 0), 0))} ${cause}`);
  return {
    xs,
    rates,
    p95,
    rateLines,
    userLines,
    runners,
    // One runner makes load, or the run makes none: there is nothing to see in that.
    hasRunners: runners.some((n) => n !== null && n > 1),
    runnerLines: [{ label: 'runners', values: runners, color: '--rate' }] satisfies Line[],
    causeLines: causeLines.reverse(),
    causeText: sums.join(', '),
    timeLines: [
      { label: 'p50', values: p50, color: '--p50' },
      { label: 'p95', values: p95, color: '--p95' },
      { label: 'p99', values: p99, color: '--p99' },
    ] satisfies Line[],
  };
}

function sentenceOfRate(rates: number[]): string {
  return spread(rates, rate, 'Finished requests');
}

function spread(values: (number | null)[], show: (value: number) => string, what: string): string {
  const known = values.filter((value): value is number => value !== null);
  if (known.length === 0) return `${what}: nothing was measured in this window.`;
  return `${what} between ${show(Math.min(...known))} and ${show(Math.max(...known))}, last ${show(known.at(-1) ?? 0)}.`;
}
