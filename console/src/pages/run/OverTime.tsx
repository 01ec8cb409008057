// A result's charts over time. They alone follow the zoom: the rest of the page is not
// drawn again while one pans.
import Container from '@cloudscape-design/components/container';
import Header from '@cloudscape-design/components/header';
import { useDeferredValue } from 'react';
import { ApiError } from '../../api/client';
import { useOverview } from '../../api/timelines';
import type { RunRecord } from '../../api/types';
import { useWidth } from '../../charts/frame';
import RunCharts from '../../charts/RunCharts';
import type { Mark } from '../../charts/plot';
import { useZoom } from '../../charts/zoom';
import { stepFor } from '../../numbers/window';
import { requestsPerWalk, type Fields } from '../../plan/words';
import { Empty, Failed, Loading } from '../../ui/parts';
import { useWindow } from './useWindow';

/** Points of a chart: beyond that they lie closer than can be seen. */
const MOST_POINTS = 240;
const LEAST_POINTS = 120;
/** Charts stand two in a row where there is room. */
const TWO_IN_A_ROW = 740;
const PIXELS_A_POINT = 2;

export function OverTime({ test, record, marks }: { test: string; record: RunRecord; marks: Mark[] }) {
  const run = record.testRunId;
  const zoom = useZoom();
  const [holder, width] = useWidth<HTMLDivElement>();
  const chart = width > TWO_IN_A_ROW ? width / 2 : width;
  const points = Math.max(LEAST_POINTS, Math.min(MOST_POINTS, Math.floor(chart / PIXELS_A_POINT)));
  const step = overviewStep(record);
  const overview = useOverview(test, run, step);
  // The axes follow the zoom at once; what is drawn on them follows in parts.
  const shown = useDeferredValue(useWindow(test, run, overview.data, step, zoom, points));
  const perArrival = record.load?.model === 'open' ? requestsPerWalk(record.testScenario as Fields | undefined) : undefined;
  const isEmpty = overview.error instanceof ApiError && overview.error.status === 404;
  return (
    <Container header={<Header variant="h2">Over time</Header>}>
      <div ref={holder}>
        {isEmpty || (shown && shown.known === 0) ? (
          <Empty title="No second of this run was kept." next={<span>It ended before its first ten seconds were over, or its runners left none.</span>} />
        ) : overview.error ? (
          <Failed error={overview.error} what="The timeline" again={() => void overview.refetch()} />
        ) : !shown ? (
          <Loading what="the timeline" />
        ) : (
          <RunCharts stretches={shown.stretches} known={shown.known} load={record.load} zoom={zoom} together={`run-${run}`} marks={marks} heatmap perArrival={perArrival} />
        )}
      </div>
    </Container>
  );
}

/** The step in which a whole run is asked for. */
export function overviewStep(record: RunRecord): number {
  const loaded = (record.summary?.loaded_us ?? 0) / 1e6;
  const planned = record.load?.planned.at(-1)?.[0] ?? 0;
  return stepFor(Math.max(loaded, Math.min(planned, loaded + 60), 1), MOST_POINTS);
}
