// One run: live while it goes on, its result afterwards. Which of the two is decided
// here; a run that is not ready yet has no record and is shown live.
import { lazy, Suspense } from 'react';
import { useRun, useScenario } from '../api/queries';
import { isActive } from '../api/types';
import { Empty, Failed, Loading, To } from '../ui/parts';
import { to, useQueryValue } from '../app/router';

const Result = lazy(() => import('./run/Result'));
const LiveRun = lazy(() => import('./run/LiveRun'));

export default function RunPage({ test, run }: { test: string; run: string }) {
  const scenario = useScenario(test);
  // A run that was started just now has no record before its runners are there.
  const isNew = useQueryValue('new') === '1';
  const isAwaited = isNew && (scenario.data === undefined || !scenario.isFetchedAfterMount || ['queued', 'provisioning'].includes(scenario.data.status));
  const record = useRun(test, run, !isAwaited);
  // Asked again and again: what is known stays on screen while the server is away.
  if (record.error && record.data === undefined) return <Failed error={record.error} what={`Run ${run}`} again={() => void record.refetch()} />;
  if ((record.data === undefined && !isAwaited) || scenario.isPending) return <Loading what={`run ${run}`} />;
  const isHere = Boolean(record.data);
  const isGoing = isHere ? isActive(record.data?.status) : isActive(scenario.data?.status);
  return (
    <Suspense fallback={<Loading what="charts" />}>
      {isGoing ? (
        <LiveRun test={test} run={run} record={record.data ?? null} scenario={scenario.data ?? null} />
      ) : record.data ? (
        <Result test={test} record={record.data} scenario={scenario.data ?? null} />
      ) : (
        <Empty title={`There is no run ${run} of this scenario.`} next={<To href={to(['scenarios', test])}>See its runs</To>} />
      )}
    </Suspense>
  );
}
