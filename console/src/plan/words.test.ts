import { expect, it } from 'vitest';
import { curve, lengthOf, loadInWords, loadOf, planInWords, requestsInAll, requestsPerWalk, seconds, type Fields } from './words';

it('reads durations as Taurus writes them', () => {
  expect(['1m30s', '500ms', '20', 20, '2h', '', 'x', '5 m'].map(seconds)).toEqual([90, 0.5, 20, 20, 7200, null, null, 300]);
});

it('draws what an item asks for', () => {
  expect(curve({ users: 10, 'ramp-up': '5s', 'hold-for': '30s' }, 1)).toEqual({ points: [[0, 0], [5, 10], [35, 10]], isOpen: false });
  expect(curve({ concurrency: '5', 'hold-for': '30s' }, 3).points).toEqual([[0, 15], [30, 15]]);
  expect(curve({ arrivals: 5, stages: [{ target: 5, duration: '0s' }, { target: 9, duration: '1m' }] }, 1)).toEqual({
    points: [[0, 5], [60, 9]],
    isOpen: true,
  });
});

it('says a plan in words', () => {
  const plan = { execution: [{ scenario: 's', arrivals: 200, 'hold-for': '10m' }], scenarios: { s: { requests: [{}, {}] } } };
  expect(planInWords(plan, [{ region: 'a', taskCount: 12 }])).toBe('200 arrivals per second for 10 min, from 1 region, 12 runners.');
  expect(requestsPerWalk(plan)).toBe(2);
  expect(lengthOf(plan)).toBe(600);
  expect(planInWords({ execution: [{ users: 1, iterations: 2 }] }, [{ region: 'a', taskCount: 1 }])).toBe('1 user, 2 rounds each, from 1 region, 1 runner.');
  const staged = (...stages: [number, string][]) => planInWords({ execution: [{ arrivals: 1, stages: stages.map(([target, duration]) => ({ target, duration })) }] }, [{ region: 'a', taskCount: 1 }]);
  expect(staged([8, '8s'], [8, '24s'], [2, '8s'])).toBe('From 0 to 8 arrivals per second in 8 s, then 8 for 24 s, then down to 2 in 8 s, from 1 region, 1 runner.');
  expect(staged([5, '0s'], [5, '1m'], [9, '30s'])).toBe('5 arrivals per second for 1 min, then up to 9 in 30 s, from 1 region, 1 runner.');
});

const said = (item: Fields, taskCount = 1) => loadInWords(item, taskCount);

it('says numbers by three digits, and one of something as one', () => {
  expect(said({ arrivals: 10 / 3, 'hold-for': '2.2361s' })).toBe('3.33 arrivals per second for 2.24 s');
  expect(said({ arrivals: 1, 'ramp-up': '500ms', 'hold-for': '1m' })).toBe('1 arrival per second after a rise of 0.5 s for 1 min');
  expect(said({ arrivals: 0.1 + 0.2, 'hold-for': '59.99s' })).toBe('0.3 arrivals per second for 60 s');
  expect(said({ users: 12_345, iterations: 10_000 })).toBe('12,345 users, 10,000 rounds each');
  expect(said({ arrivals: 1234.5678, 'hold-for': '10s' })).toBe('1,230 arrivals per second for 10 s');
  expect(said({ users: 1, stages: [{ target: 1, duration: '10s' }, { target: 2.5, duration: '1.5s' }] })).toBe('from 0 to 1 user in 10 s, then up to 2.5 in 1.5 s');
  expect(said({ users: 1, stages: [{ target: 1, duration: 0 }, { target: 1, duration: '10s' }] })).toBe('1 user for 10 s');
});

it('says where a load is cut by its number of requests', () => {
  const cut = { arrivals: 100, 'ramp-up': '10s', 'total-requests': 250 };
  // It never comes to 100: the 250th is due on the way.
  expect(said(cut)).toBe('from 0 to 70.7 arrivals per second in 7.07 s, where the load ends after 250 requests');
  expect(said({ ...cut, 'total-requests': 1 })).toBe('from 0 to 4.47 arrivals per second in 0.447 s, where the load ends after 1 request');
  expect(said({ ...cut, 'total-requests': 500 })).toBe('100 arrivals per second after a rise of 10 s, 500 requests in all');
  expect(said({ ...cut, 'total-requests': 1000 })).toBe('100 arrivals per second after a rise of 10 s for 5 s, 1,000 requests in all');
  const stages = [{ target: 100, duration: '10s' }, { target: 0, duration: '10s' }];
  expect(said({ arrivals: 0, stages, 'total-requests': 875 })).toBe('from 0 to 100 arrivals per second in 10 s, then down to 50 in 5 s, 875 requests in all');
  expect(said({ arrivals: 0, stages, 'total-requests': 125 })).toBe('from 0 to 50 arrivals per second in 5 s, 125 requests in all');
});

it('knows a number of requests', () => {
  const where = [{ region: 'a', taskCount: 1 }];
  expect(planInWords({ execution: [{ users: 5, 'total-requests': 10000 }] }, where)).toBe('5 users, 10,000 requests in all, from 1 region, 1 runner.');
  expect(planInWords({ execution: [{ users: 5, 'total-requests': '1', 'hold-for': '9s' }] }, where)).toBe('5 users for 9 s, 1 request in all, from 1 region, 1 runner.');
  // Arrivals end with the last of them.
  expect(planInWords({ execution: [{ arrivals: 100, 'total-requests': 300 }] }, where)).toBe('100 arrivals per second for 3 s, 300 requests in all, from 1 region, 1 runner.');
  expect(curve({ arrivals: 100, 'total-requests': 250 }, 1).points).toEqual([[0, 100], [2.5, 100]]);
  expect(curve({ arrivals: 100, 'total-requests': 250, 'ramp-up': '1s', 'hold-for': '2s' }, 1).points).toEqual([[0, 0], [1, 100], [3, 100]]);
  expect(curve({ arrivals: 0, 'total-requests': 300, stages: [{ target: 100, duration: '2s' }, { target: 100, duration: '9s' }] }, 1).points).toEqual([[0, 0], [2, 100], [4, 100]]);
  expect(curve({ arrivals: 100, 'total-requests': 2500, 'hold-for': '2s' }, 1).points).toEqual([[0, 100], [2, 100]]);
  expect(loadOf({ execution: [{ users: 5, 'total-requests': 9, 'hold-for': '9s' }] }, 1)).toBeUndefined();
  expect(requestsInAll({ execution: [{ 'total-requests': 9 }, { 'total-requests': '3' }] })).toBe(12);
  expect([requestsInAll({ execution: [{ 'total-requests': 9 }, {}] }), requestsInAll(undefined)]).toEqual([undefined, undefined]);
});

it('adds the load of all items, where that can be done', () => {
  const plan = (...execution: unknown[]) => ({ execution });
  expect(loadOf(plan({ arrivals: 20, 'hold-for': '12s' }), 1)).toEqual({ model: 'open', planned: [[0, 20], [12, 20]] });
  expect(loadOf(plan({ users: 10, 'ramp-up': '10s', 'hold-for': '10s' }, { concurrency: 1, stages: [{ target: 4, duration: '0s' }, { target: 8, duration: '20s' }] }), 4)).toEqual({
    model: 'closed',
    planned: [[0, 4], [10, 16], [20, 18]],
  });
  expect(loadOf(plan({ users: 1, 'hold-for': '5s' }, { users: 1, 'hold-for': '6s' }), 1)).toBeUndefined();
  expect(loadOf(plan({ users: 1 }, { arrivals: 1 }), 1)).toBeUndefined();
  expect(loadOf(plan({ users: 1, iterations: 3 }), 1)).toBeUndefined();
  expect([loadOf(plan(), 1), loadOf(undefined, 1)]).toEqual([undefined, undefined]);
});
