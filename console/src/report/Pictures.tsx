// The pictures of a report, by the charts of the console: how long requests took, and the
// run over its time. Zooming works as there, and is kept nowhere.
import { useMemo, useState } from 'react';
import type { HistogramAnswer } from '../api/types';
import RunCharts from '../charts/RunCharts';
import { Distribution, Spectrum } from '../charts/Shapes';
import { marksOfReasons } from '../charts/marks';
import type { Zoom } from '../charts/plot';
import { count } from '../numbers/format';
import { RunSeconds } from '../numbers/seconds';
import { limitOf } from '../numbers/threshold';
import { clip, endOf, stretchesOf } from '../numbers/window';
import { requestsPerWalk, type Fields } from '../plan/words';
import type { ReportData } from './data';
import { Section } from './parts';

/** Points of a chart: beyond that they lie closer than can be seen. */
const MOST_POINTS = 240;

export function Shapes({ data }: { data: ReportData }) {
  const { histogram_ok: ok, histogram_failed: failed, record } = data;
  const limits = (record.outcome?.thresholds ?? []).flatMap((row) => {
    const limit = limitOf(row.expression);
    return limit?.percentile && !limit.label ? [{ us: limit.value, text: row.expression }] : [];
  });
  const hasOk = ok !== null && ok.distribution.count > 0;
  const hasFailed = failed !== null && failed.distribution.count > 0;
  if (!hasOk && !hasFailed) return null;
  const overHour = (ok?.over_hour ?? 0) + (failed?.over_hour ?? 0);
  return (
    <Section title="Shape of response times">
      {overHour > 0 && <p className="note">{count(overHour)} took longer than an hour; they are counted apart.</p>}
      {hasOk && <Pair answer={ok} kind={ok.of === 'ok' ? 'ok answers' : 'all requests'} color="var(--p95)" limits={limits} />}
      {hasFailed && <Pair answer={failed} kind="failed requests" color="var(--failed)" limits={[]} />}
    </Section>
  );
}

function Pair({ answer, kind, color, limits }: { answer: HistogramAnswer; kind: string; color: string; limits: { us: number; text: string }[] }) {
  const shapes = useMemo(() => [{ name: kind, color, answer }], [kind, color, answer]);
  return (
    <div className="columns">
      <Distribution shapes={shapes} limits={limits} of={kind} />
      <Spectrum shapes={shapes} of={kind} />
    </div>
  );
}

export function OverTime({ data }: { data: ReportData }) {
  const { record, timeline, step_s: step } = data;
  const zoom = useZoomHere();
  const coarse = useMemo(() => (timeline && step > 1 ? stretchesOf(timeline.total, step, timeline.end_s) : null), [timeline, step]);
  const seconds = useMemo(() => {
    if (!timeline || step > 1) return null;
    return new RunSeconds().store({ ...timeline, regions: { '': timeline.total } }, true);
  }, [timeline, step]);
  const stretches = useMemo(
    () => (coarse ? clip(coarse, zoom.from ?? 0, zoom.to ?? Infinity) : (seconds?.stretches(zoom.from, zoom.to, MOST_POINTS) ?? [])),
    [coarse, seconds, zoom.from, zoom.to],
  );
  const marks = useMemo(() => marksOfReasons(record.verdict?.reasons), [record]);
  const known = coarse ? endOf(coarse) : seconds ? seconds.last + 1 : 0;
  if (!record.summary && known === 0) return null;
  const perArrival = record.load?.model === 'open' ? requestsPerWalk(record.testScenario as Fields | undefined) : undefined;
  return (
    <Section title="Over time">
      {known > 0 ? (
        <RunCharts stretches={stretches} known={known} load={record.load} zoom={zoom} together="report" marks={marks} heatmap perArrival={perArrival} />
      ) : (
        <p>No second of this run was kept: it ended before its first ten seconds were over, or its runners left none.</p>
      )}
    </Section>
  );
}

function useZoomHere(): Zoom {
  const [window, setWindow] = useState<{ from?: number; to?: number }>({});
  return useMemo(
    () => ({ ...window, set: (from?: number, to?: number) => setWindow(from === undefined || to === undefined ? {} : { from, to }) }),
    [window],
  );
}
