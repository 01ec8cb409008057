import { expect, it } from 'vitest';
import { tellMessage } from './message';

// As dlt_core's `topic_message` writes it.
const TICK = {
  test_id: 'Xk29QmWz7B', run_id: 'p4TqL8vN2c', region: 'eu-west-1', seq: 4,
  second: 0, users: 50, scheduled: 0, dropped: 0, unconnected: 0, sent: 0, resent: 0, ok: 2, failed: 1, unfinished: 0, bytes: 0,
  causes: [], latency: [[130, 1]], lag: [], user_time_us: 0, read_delay_us: 0, unstamped: 0,
  avg_rt_us: 81508, p95_us: 84000, loading: 2, answers: 0, runners: [['a', 'loading', 4, 0]], others: { loading: 1 },
};
const ROW = { testId: 'Xk29QmWz7B', vu: 25, succ: 2, fail: 1, avgRt: 0.081508, timestamp: 1_772_615_703_000, tick: TICK };

function told(message: unknown): unknown[] {
  const events: unknown[] = [];
  const text = typeof message === 'string' ? message : JSON.stringify(message);
  tellMessage(new TextEncoder().encode(text), {
    tick: (tick) => events.push(['tick', tick]),
    status: (status) => events.push(['status', status]),
    note: (note) => events.push(['note', note]),
    line: () => events.push('line'),
  });
  return events;
}

it("reads a scenario's seconds by region", () => {
  const other = { ...TICK, region: 'us-east-1' };
  expect(told({ 'eu-west-1': [ROW, { ...ROW, tick: { ...TICK, second: 1 } }], 'us-east-1': [{ ...ROW, tick: other }] })).toEqual([
    ['tick', TICK],
    ['tick', { ...TICK, second: 1 }],
    ['tick', other],
  ]);
  expect(told({ 'eu-west-1': [{ ...ROW, tick: { ...TICK, latency_failed: [[2, 1]] } }] })).toHaveLength(1);
});

it('reads statuses and notes', () => {
  expect(told({ event: 'status', data: { run_id: 'p4TqL8vN2c', status: 'running' } })).toEqual([['status', { run_id: 'p4TqL8vN2c', status: 'running' }]]);
  expect(told({ event: 'note', data: { note: 'a "line"' } })).toEqual([['note', 'a "line"']]);
  expect(told({ event: 'tick', data: TICK })).toEqual([['tick', TICK]]);
});

it("leaves out rows of DLT's own publisher, and what cannot be read", () => {
  expect(told({ 'eu-west-1': [{ ...ROW, tick: undefined }] })).toEqual([]);
  for (const strange of [
    '', '7', '[]', 'null', '{"event":"later","data":7}', '{"event":"status","data":{}}', '{"event":"note","data":{"note":7}}',
    '{"eu-west-1":[{"succ":1},{"tick":7},7],"version":4}', { 'eu-west-1': [{ tick: { ...TICK, ok: '2' } }, { tick: { ...TICK, latency: {} } }] },
  ]) {
    expect(told(strange), JSON.stringify(strange)).toEqual([]);
  }
});
