// Starts a scenario as it is kept: posts it again as it was read, with the room that its
// regions have. A POST of a known id without scheduleStep runs it.
import { ask, seg } from '../api/client';
import { calls } from '../api/queries';
import type { RegionInfo, RegionTasks, ScenarioRecord, Vcpu } from '../api/types';
import type { Fields } from './words';

/** The body that keeps a scenario as it is. */
export function bodyOf(record: ScenarioRecord): Fields {
  const plan = typeof record.testScenario === 'string' ? (JSON.parse(record.testScenario) as Fields) : (record.testScenario as Fields);
  return {
    testId: record.testId,
    testName: record.testName,
    testDescription: record.testDescription,
    testType: record.testType,
    fileType: record.fileType,
    showLive: record.showLive,
    tags: record.tags,
    healthyThreshold: record.healthyThreshold,
    thresholds: record.thresholds ?? [],
    testTaskConfigs: record.testTaskConfigs.map(({ region, taskCount, concurrency }) => ({
      region,
      taskCount: Number(taskCount),
      concurrency: Number(concurrency),
    })),
    testScenario: plan,
  };
}

/** Free room by region. Each must be positive, or the whole body is refused. */
export async function room(): Promise<Record<string, { dltAvailableTasks: number }>> {
  const [{ regions }, cpus, tasks] = await Promise.all([
    ask<{ regions: RegionInfo[] }>('/regions'),
    ask<Record<string, Vcpu>>('/vCPUDetails'),
    ask<RegionTasks[]>('/tasks'),
  ]);
  return Object.fromEntries(
    regions.map(({ region }) => {
      const cpu = cpus[region];
      const most = cpu ? Math.floor(cpu.vCPULimit / (cpu.vCPUsPerTask || 1)) : 1;
      const used = tasks.find((row) => row.region === region)?.taskArns.length ?? 0;
      return [region, { dltAvailableTasks: Math.max(1, most - used) }];
    }),
  );
}

/** Starts a run and answers its id. */
export async function startAgain(test: string): Promise<string> {
  const record = await ask<ScenarioRecord>(`/scenarios/${seg(test)}`, { query: { history: false, latest: false } });
  const answer = await calls.keep({ ...bodyOf(record), regionalTaskDetails: await room() });
  return answer.testRunId ?? '';
}
