// Numbers as people read them: three significant digits at most, the unit beside, zero
// is "0", unknown is "–". The exact value is for hovering. Sentences are left to `standing`.

export const UNKNOWN = '–';

type Maybe = number | null | undefined;

const known = (value: Maybe): value is number => value !== null && value !== undefined && Number.isFinite(value);

/** Digits before grouping: `digits` significant ones, never a part of an integer cut off. */
function significant(value: number, digits: number): string {
  if (value === 0) return '0';
  const size = Math.floor(Math.log10(Math.abs(value)));
  const places = Math.max(0, digits - 1 - size);
  const text = value.toFixed(places);
  // 9.996 became 10.00: one digit more than is known.
  const grown = Math.floor(Math.log10(Math.abs(Number(text)))) > size && places > 0;
  return group(grown ? value.toFixed(places - 1) : text);
}

function group(text: string): string {
  const [whole = '', part] = text.split('.');
  const grouped = whole.replace(/\B(?=(\d{3})+(?!\d))/g, ',');
  return part === undefined ? grouped : `${grouped}.${part}`;
}

/** A count, exact. */
export function count(value: Maybe): string {
  return known(value) ? group(Math.round(value).toString()) : UNKNOWN;
}

/** A time from µs, in the unit that suits it. */
export function time(us: Maybe, digits = 3): string {
  if (!known(us)) return UNKNOWN;
  if (us === 0) return '0 µs';
  const [size, unit] = Math.abs(us) < 999.5 ? [1, 'µs'] : Math.abs(us) < 999_500 ? [1e3, 'ms'] : [1e6, 's'];
  if (unit === 'µs') return `${significant(Math.round(us), digits)} µs`;
  return `${significant(us / size, digits)} ${unit}`;
}

/** A time from a coarse histogram: its two digits, marked as near. */
export function near(us: Maybe): string {
  return known(us) ? `≈${time(Number(us.toPrecision(2)), 2)}` : UNKNOWN;
}

/** A time from µs in full, for hovering. */
export function exactTime(us: Maybe): string {
  return known(us) ? `${group(Math.round(us).toString())} µs` : UNKNOWN;
}

/** Per second. */
export function rate(perSecond: Maybe): string {
  if (!known(perSecond)) return UNKNOWN;
  return `${Math.abs(perSecond) >= 999.5 ? count(perSecond) : trim(significant(perSecond, 3))}/s`;
}

/** A share from 0 to 1, in percent; never 0 % or 100 % unless it is. */
export function percent(share: Maybe): string {
  if (!known(share)) return UNKNOWN;
  if (share === 0) return '0 %';
  const value = share * 100;
  if (value < 0.005) return '<0.01 %';
  if (value < 100 && value >= 99.995) return '>99.99 %';
  return `${trim(value.toFixed(value < 10 ? 2 : value > 99 ? 2 : 1))} %`;
}

/** A change in percent, with its sign. */
export function change(pct: Maybe): string {
  if (!known(pct)) return UNKNOWN;
  const size = Math.abs(pct);
  const text = trim(size >= 100 ? size.toFixed(0) : significant(Number(size.toPrecision(3)), size < 0.1 ? 1 : 2));
  return text === '0' ? '0 %' : `${pct < 0 ? '−' : '+'}${text} %`;
}

/** Bytes. */
export function bytes(value: Maybe): string {
  if (!known(value)) return UNKNOWN;
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let unit = 0;
  let size = value;
  while (size >= 999.5 && unit < units.length - 1) {
    size /= 1000;
    unit += 1;
  }
  return `${unit === 0 ? count(size) : trim(significant(size, 3))} ${units[unit]}`;
}

/** How long, from seconds: at most two units. */
export function duration(seconds: Maybe): string {
  if (!known(seconds)) return UNKNOWN;
  const s = Math.max(0, Math.round(seconds));
  if (s < 60) return `${s} s`;
  if (s < 3600) return join(Math.floor(s / 60), 'min', s % 60, 's');
  if (s < 86_400) return join(Math.floor(s / 3600), 'h', Math.round((s % 3600) / 60), 'min');
  return join(Math.floor(s / 86_400), 'd', Math.round((s % 86_400) / 3600), 'h');
}

function join(large: number, largeUnit: string, small: number, smallUnit: string): string {
  return small === 0 ? `${large} ${largeUnit}` : `${large} ${largeUnit} ${small} ${smallUnit}`;
}

function trim(text: string): string {
  return text.includes('.') ? text.replace(/\.?0+$/, '') : text;
}

/** A number with at most three digits, for counts that are not whole. */
export function plain(value: Maybe): string {
  return known(value) ? (Math.abs(value) >= 1000 ? count(value) : trim(significant(value, 3))) : UNKNOWN;
}

/** 1st, 2nd, 3rd, 11th. */
export function ordinal(n: number): string {
  const tens = n % 100;
  const end = tens > 10 && tens < 14 ? 'th' : (['th', 'st', 'nd', 'rd'][n % 10] ?? 'th');
  return `${count(n)}${end}`;
}

/** The times of a block that tables of labels show, with their names. */
export const TIMES = [
  ['p50_us', 'p50'],
  ['p95_us', 'p95'],
  ['p99_us', 'p99'],
  ['p99_9_us', 'p99.9'],
  ['max_us', 'max'],
] as const;
