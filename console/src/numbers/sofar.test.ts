import { expect, it } from 'vitest';
import { Coarse } from './coarse';
import type { Stretch } from './seconds';
import { thresholdsSoFar, trustSoFar } from './sofar';

const stretch = (rest: Partial<Stretch>): Stretch => ({
  from: 0,
  length: 10,
  users: 0,
  runners: null,
  scheduled: 100,
  sent: 100,
  ok: 99,
  failed: 1,
  dropped: 0,
  bytes: 0,
  causes: new Map(),
  latency: new Coarse().add([[80, 99]]),
  failedLatency: new Coarse(),
  lag: new Coarse().add([[40, 100]]),
  ...rest,
});

it('says whether a run may be believed so far', () => {
  expect(trustSoFar(stretch({}), true).trust).toBe('trusted');
  expect(trustSoFar(stretch({ lag: new Coarse().add([[110, 100]]) }), true).trust).toBe('degraded');
  expect(trustSoFar(stretch({ lag: new Coarse().add([[130, 100]]) }), true).trust).toBe('untrusted');
  expect(trustSoFar(stretch({ lag: new Coarse().add([[130, 100]]) }), false).trust).toBe('trusted');
  expect(trustSoFar(stretch({ dropped: 1 }), true).trust).toBe('degraded');
  expect(trustSoFar(stretch({ dropped: 2 }), true).trust).toBe('untrusted');
});

it('says which thresholds hold so far', () => {
  const rows = thresholdsSoFar(['p(95)<2ms', 'p(95)<1ms', 'error_rate<1%', 'rate>5/s', 'a: p(95)<1s'], stretch({}));
  expect(rows.map((row) => row.holds)).toEqual([true, false, false, true, null]);
});
