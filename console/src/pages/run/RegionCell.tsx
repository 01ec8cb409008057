// A number of a label in one region, from its exact histograms. Cells of a row share
// their answers; they are asked for when the row is opened.
import type { ReactNode } from 'react';
import { ApiError } from '../../api/client';
import { useHistogram } from '../../api/queries';
import { Num } from '../../ui/parts';
import type { Numbers } from './labelRows';

interface Props {
  test: string;
  run: string;
  label: string;
  region: string;
  cell: (numbers: Numbers) => ReactNode;
}

export function RegionCell({ test, run, label, region, cell }: Props) {
  const ok = useHistogram(test, run, { label, region, of: 'ok' });
  const failed = useHistogram(test, run, { label, region, of: 'failed' });
  const error = ok.error ?? failed.error;
  if (error instanceof ApiError && error.status === 404) return <Num title="this label has no request in this region">–</Num>;
  if (error) return <Num title={error.message}>?</Num>;
  if (!ok.data || !failed.data) return <Num title="being loaded">…</Num>;
  const { distribution: times, over_hour: longer } = ok.data;
  const misses = failed.data.distribution.count + failed.data.over_hour;
  return <>{cell({ ...times, count: times.count + longer + misses, failed: misses })}</>;
}
