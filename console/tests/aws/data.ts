// A scenario and a run that goes on, as the API answers them.
import type { RegionInfo, RunRecord, ScenarioItem, ScenarioRecord, Second, StackInfo, Tick, Timeline } from '../../src/api/types';
import { REGION } from './hosts';

export const TEST = 'Xk29QmWz7B';
export const RUN = 'p4TqL8vN2c';
const STARTED = '2026-03-04 10:00:00';
const NAMES = { testId: TEST, testName: 'a shop on AWS', testDescription: 'by a test' };

const plan = {
  execution: [{ scenario: 'main', concurrency: { [REGION]: 4 }, 'hold-for': '5m' }],
  scenarios: { main: { requests: [{ url: 'https://shop.example/', method: 'GET', label: 'home' }] } },
};
const tasks = [{ region: REGION, taskCount: 2, concurrency: 2, taskIds: [] }];

export const item = {
  ...NAMES, status: 'running', startTime: STARTED, nextRun: '', scheduleRecurrence: '', cronValue: '', scheduleTimezone: 'UTC', tags: [], totalTestRuns: 1,
} as unknown as ScenarioItem;

export const record = {
  ...NAMES, testType: 'simple', fileType: 'none', status: 'running', showLive: true, startTime: STARTED, endTime: '', nextRun: '', scheduleRecurrence: '',
  scheduleTimezone: 'UTC', cronValue: '', cronExpiryDate: '', tags: [], healthyThreshold: 90, desiredTaskCount: 2, taskFailureCount: 0,
  testTaskConfigs: tasks, testScenario: plan, results: {}, totalTestRuns: 1, testRunId: RUN,
} as unknown as ScenarioRecord;

export const run = {
  ...NAMES, testRunId: RUN, testType: 'simple', status: 'running', startTime: STARTED, endTime: '', scheduleTimezone: 'UTC',
  testTaskConfigs: tasks, testScenario: plan, results: {}, completeTasks: {},
} as unknown as RunRecord;

export function second(at: number, ok: number): Second {
  return {
    second: at, users: 4, scheduled: ok, dropped: 0, unconnected: 0, sent: ok, resent: 0, ok, failed: 0, unfinished: 0, bytes: 100 * ok,
    causes: [], latency: [[130, ok]], lag: [], user_time_us: 0, read_delay_us: 0, unstamped: 0,
  };
}

const SECONDS = Array.from({ length: 30 }, (_, at) => second(at, 10));

/** The first 30 seconds, with 10 answers each. */
export const timeline = {
  format: 2, start_at_us: 0, end_s: SECONDS.length, total: SECONDS, regions: { [REGION]: SECONDS }, labels: [],
} satisfies Timeline;

/** What the publisher puts on the topic for a second with 20 answers. */
export function message(at: number): unknown {
  const tick: Tick = {
    ...second(at, 20), test_id: TEST, run_id: RUN, region: REGION, seq: at, answers: 20,
    runners: [['a', 'loading', at, 0], ['b', 'loading', at, 0]],
  };
  const row = { testId: TEST, vu: 2, succ: 20, fail: 0, avgRt: 0.08, timestamp: 1_772_615_703_000 };
  // The second row is of DLT's own publisher.
  return { [REGION]: [{ ...row, tick }, { ...row, succ: 7_000 }] };
}

export const regions = { regions: [{ testId: `region-${REGION}`, region: REGION, taskCluster: 'c' }] as RegionInfo[] };
export const room = { [REGION]: { vCPULimit: 256, vCPUsPerTask: 2, vCPUsInUse: 4 } };
export const stack: Partial<StackInfo> = {
  created_time: '2026-03-04T10:00:00.000Z', region: REGION, version: '4.2.3', account_id: '123456789012', deployment_method: 'cloudformation',
  stack_id: 'dlt', solution_template: 'cloudfront', is_update_available: false, dlt_version: '0.1.0',
};
