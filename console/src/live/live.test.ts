import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { keepUp, type LiveListener } from './live';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

function lines() {
  const told: unknown[] = [];
  const nothing = () => undefined;
  const listener: LiveListener = { tick: nothing, status: nothing, note: nothing, line: (stands, why) => told.push([stands, why]) };
  return { told, listener };
}

it('tries again after pauses that grow to 10 s, and shortly again once something was heard', async () => {
  const { told, listener } = lines();
  const at: number[] = [];
  const began = Date.now();
  const end = keepUp(listener, (_, heard) => {
    at.push((Date.now() - began) / 1000);
    if (at.length === 8) heard();
    return Promise.reject(new Error('no way'));
  });
  await vi.advanceTimersByTimeAsync(49_000);
  expect(at).toEqual([0, 0.5, 1.5, 3.5, 7.5, 15.5, 25.5, 35.5, 36, 37, 39, 43]);
  expect(new Set(told.map(String))).toEqual(new Set(['false,no way']));
  end();
});

it('connects no more once nobody listens: in a line that stands, and in a pause', async () => {
  for (const stands of [true, false]) {
    const { told, listener } = lines();
    const once = vi.fn((stop: AbortSignal) =>
      stands ? new Promise<void>((_, reject) => stop.addEventListener('abort', () => reject(new Error('left')))) : Promise.reject(new Error('no way')),
    );
    const end = keepUp(listener, once);
    await vi.advanceTimersByTimeAsync(100);
    end();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(once).toHaveBeenCalledTimes(1);
    expect(told).toEqual(stands ? [] : [[false, 'no way']]);
    expect(vi.getTimerCount()).toBe(0);
  }
});
