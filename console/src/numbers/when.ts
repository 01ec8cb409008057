// Points in time: shown on the reader's clock, UTC when hovered. The API's stamps are
// "YYYY-MM-DD HH:MM:SS" in UTC; those of schedules are on the wall clock of their zone.

/** A stamp of the API in UTC, as a date; null where it is empty. */
export function fromStamp(stamp: string | undefined): Date | null {
  const match = /^(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d(?::\d\d)?)/.exec(stamp ?? '');
  if (!match) return null;
  const date = new Date(`${match[1]}T${match[2]}Z`);
  return Number.isNaN(date.getTime()) ? null : date;
}

const two = (value: number) => String(value).padStart(2, '0');

/** "21:17" today, else "28 Nov 21:17", with the year where it is another. */
export function short(date: Date, now = new Date()): string {
  const clock = `${two(date.getHours())}:${two(date.getMinutes())}`;
  const isToday = date.toDateString() === now.toDateString();
  if (isToday) return `today ${clock}`;
  const day = `${date.getDate()} ${MONTHS[date.getMonth()]}`;
  return date.getFullYear() === now.getFullYear() ? `${day} ${clock}` : `${day} ${date.getFullYear()} ${clock}`;
}

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

export function utc(date: Date): string {
  return `${date.toISOString().slice(0, 19).replace('T', ' ')} UTC`;
}

/** Seconds from the start as a clock: 0:05, 12:30, 1:02:03. */
export function offset(seconds: number): string {
  const s = Math.max(0, Math.round(seconds));
  const rest = `${two(Math.floor((s % 3600) / 60))}:${two(s % 60)}`;
  return s >= 3600 ? `${Math.floor(s / 3600)}:${rest}` : `${Math.floor(s / 60)}:${two(s % 60)}`;
}
