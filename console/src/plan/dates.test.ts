import { expect, it } from 'vitest';
import { nextDates, wallClock } from './dates';

const from = new Date('2026-11-28T21:00:00Z');

it('lists what comes next', () => {
  expect(nextDates({ cron: '30 6 * * 1-5' }, from, 3)).toEqual(['2026-11-30 06:30', '2026-12-01 06:30', '2026-12-02 06:30']);
  expect(nextDates({ cron: '0 */12 * * *', until: '2026-11-29' }, from)).toEqual(['2026-11-29 00:00', '2026-11-29 12:00']);
  expect(nextDates({ date: '2027-01-31', time: '22:30', recurrence: 'monthly' }, from, 2)).toEqual(['2027-01-31 22:30', '2027-03-31 22:30']);
  expect(nextDates({ date: '2027-01-31', time: '22:30' }, from)).toEqual(['2027-01-31 22:30']);
  expect(nextDates({ cron: 'x' }, from)).toEqual([]);
});

it('knows the clock of a zone', () => {
  expect(wallClock('Europe/Paris', from)?.toISOString()).toBe('2026-11-28T22:00:00.000Z');
  expect(wallClock('No/Where', from)).toBeNull();
});
