// Reads a threshold's limit and observed value for drawing. Whether it holds is the API's word.

export interface Limit {
  value: number;
  isBelow: boolean;
  /** The percentile, where it is one of response times. */
  percentile?: number;
  label?: string;
}

/** A value with its unit: times in µs, shares as they are, rates per second. */
export function valueOf(text: string): number | null {
  const match = /^\s*([\d.]+(?:e[+-]?\d+)?)\s*(µs|us|ms|s|m|%|\/s)?\s*$/i.exec(text.replaceAll(',', ''));
  if (!match) return null;
  const sizes: Record<string, number> = { µs: 1, us: 1, ms: 1e3, s: 1e6, m: 6e7, '%': 0.01, '/s': 1 };
  return Number(match[1]) * (match[2] ? (sizes[match[2].toLowerCase()] ?? 1) : 1);
}

/** "login: p(99)<1s" */
export function limitOf(expression: string): Limit | null {
  const match = /^(?:(.*):\s*)?([a-z_.]+)(?:\(([\d.]+)\))?\s*(<=?|>=?)\s*(.+)$/.exec(expression.trim());
  const value = match ? valueOf(match[5] ?? '') : null;
  if (!match || value === null) return null;
  return {
    value,
    isBelow: match[4]?.startsWith('<') ?? true,
    ...(match[2] === 'p' && match[3] ? { percentile: Number(match[3]) } : {}),
    ...(match[1] ? { label: match[1] } : {}),
  };
}
