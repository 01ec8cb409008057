// One run: live while it goes on, its result afterwards. Which of the two is decided
// here; a run that is not ready yet has no record and is shown live.
import { lazy, Suspense } from 'react';
import { useRun, useScenario } from '../api/queries';
import { isActive } from '../api/types';
import { Empty, Failed, Loading, To } from '../ui/parts';
import { to } from '../app/router';

const Result = lazy(() => import('./run/Result'));
const LiveRun = lazy(() => import('./run/LiveRun'));

export default function RunPage({ test, run }: { test: string; run: string }) {
  const record = useRun(test, run);
  const scenario = useScenario(test);
  if (record.error) return <Failed error={record.error} what={`Run ${run}`} again={() => void record.refetch()} />;
  if (record.data === undefined || scenario.isPending) return <Loading what={`run ${run}`} />;
  const isHere = record.data !== null;
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
