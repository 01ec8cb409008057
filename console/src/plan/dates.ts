// The next dates of a schedule, on the wall clock of its zone, as a preview. When it
// really fires is the server's word.

export interface Schedule {
  date?: string;
  time?: string;
  recurrence?: string;
  cron?: string;
  until?: string;
}

const DAY_MS = 86_400_000;
const text = (date: Date) => date.toISOString().slice(0, 16).replace('T', ' ');

/** The clock of a zone now, as if it were UTC; null for an unknown zone. */
export function wallClock(zone: string, now = new Date()): Date | null {
  try {
    const parts = new Intl.DateTimeFormat('en-CA', { timeZone: zone, year: 'numeric', month: '2-digit', day: '2-digit', hour: '2-digit', minute: '2-digit', hourCycle: 'h23' }).formatToParts(now);
    const part = (type: string) => parts.find((one) => one.type === type)?.value ?? '00';
    return new Date(`${part('year')}-${part('month')}-${part('day')}T${part('hour')}:${part('minute')}:00Z`);
  } catch {
    return null;
  }
}

export function nextDates(schedule: Schedule, from: Date, count = 5): string[] {
  if (schedule.cron) return cronDates(schedule.cron, from, count, schedule.until);
  if (!schedule.date || !schedule.time) return [];
  const first = new Date(`${schedule.date}T${schedule.time.slice(0, 5)}:00Z`);
  if (Number.isNaN(first.getTime())) return [];
  const step = { daily: 1, weekly: 7, biweekly: 14 }[schedule.recurrence ?? ''];
  const dates: Date[] = [];
  for (let n = 0; dates.length < count && n < 400; n++) {
    let at = first;
    if (step) at = new Date(first.getTime() + n * step * DAY_MS);
    else if (schedule.recurrence === 'monthly') {
      at = new Date(first);
      at.setUTCMonth(first.getUTCMonth() + n);
      // A month without that day is left out.
      if (at.getUTCDate() !== first.getUTCDate()) continue;
    } else if (n > 0) break;
    if (at > from) dates.push(at);
  }
  return dates.map(text);
}

/** Values of a cron field; null where it is not read here. */
function field(source: string, low: number, high: number): Set<number> | null {
  const values = new Set<number>();
  for (const part of source.split(',')) {
    const match = /^(\*|\?|\d+(?:-\d+)?)(?:\/(\d+))?$/.exec(part);
    if (!match) return null;
    const range = match[1] ?? '*';
    const [begin, end] = range === '*' || range === '?' ? [low, high] : range.includes('-') ? range.split('-').map(Number) : [Number(range), match[2] ? high : Number(range)];
    for (let value = begin ?? low; value <= (end ?? high); value += Number(match[2] ?? 1) || 1) values.add(value);
  }
  return values;
}

function cronDates(cron: string, from: Date, count: number, until?: string): string[] {
  const parts = cron.trim().split(/\s+/);
  if (parts.length !== 5) return [];
  const [minute, hour, day, month, weekday] = [field(parts[0] ?? '', 0, 59), field(parts[1] ?? '', 0, 23), field(parts[2] ?? '', 1, 31), field(parts[3] ?? '', 1, 12), field(parts[4] ?? '', 0, 7)];
  if (!minute || !hour || !day || !month || !weekday) return [];
  const isAny = (part: string | undefined) => part === '*' || part === '?';
  const bothDays = !isAny(parts[2]) && !isAny(parts[4]);
  const dates: string[] = [];
  const start = new Date(Date.UTC(from.getUTCFullYear(), from.getUTCMonth(), from.getUTCDate()));
  for (let n = 0; n < 1_500 && dates.length < count; n++) {
    const at = new Date(start.getTime() + n * DAY_MS);
    if (until && at.toISOString().slice(0, 10) > until) break;
    const byDay = day.has(at.getUTCDate());
    const byWeekday = weekday.has(at.getUTCDay()) || (at.getUTCDay() === 0 && weekday.has(7));
    if (!month.has(at.getUTCMonth() + 1) || !(bothDays ? byDay || byWeekday : byDay && byWeekday)) continue;
    for (const h of [...hour].sort((a, b) => a - b)) {
      for (const m of [...minute].sort((a, b) => a - b)) {
        const when = new Date(at.getTime() + (h * 60 + m) * 60_000);
        if (when > from && dates.length < count) dates.push(text(when));
      }
    }
  }
  return dates;
}
