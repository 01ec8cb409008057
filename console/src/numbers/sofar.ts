// How a run stands before it is over: may it be believed, and do its thresholds hold so
// far. Only what ticks tell can be said; the words at the end are the API's.
import { near, percent, rate } from './format';
import type { Stretch } from './seconds';
import type { Trust } from './standing';
import { limitOf } from './threshold';

// The verdict's first limits for open load (contract dlt.md 2).
const LAG_DEGRADED_US = 5_000;
const LAG_UNTRUSTED_US = 50_000;
const DROPS_UNTRUSTED = 0.01;

export function trustSoFar(all: Stretch, isOpen: boolean): { trust: Trust; why: string } {
  const lag = isOpen ? all.lag.quantile(0.99) : null;
  const dropped = all.scheduled > 0 ? all.dropped / all.scheduled : 0;
  if (lag !== null && lag > LAG_UNTRUSTED_US) return { trust: 'untrusted', why: `99 % of the requests leave up to ${near(lag)} late` };
  if (dropped > DROPS_UNTRUSTED) return { trust: 'untrusted', why: `${percent(dropped)} of the requests were dropped` };
  if (lag !== null && lag > LAG_DEGRADED_US) return { trust: 'degraded', why: `99 % of the requests leave up to ${near(lag)} late` };
  if (dropped > 0) return { trust: 'degraded', why: `${percent(dropped)} of the requests were dropped` };
  return { trust: 'trusted', why: 'requests leave on time, and none was dropped' };
}

export interface SoFar {
  expression: string;
  /** Null where ticks cannot tell: thresholds of labels, and what is not read here. */
  holds: boolean | null;
  observed: string;
}

export function thresholdsSoFar(expressions: string[], all: Stretch): SoFar[] {
  return expressions.map((expression) => {
    const limit = limitOf(expression);
    const finished = all.ok + all.failed;
    const unknown: SoFar = { expression, holds: null, observed: 'told at the end' };
    if (!limit || limit.label || finished === 0) return unknown;
    let value: number | null = null;
    let shown = '';
    if (limit.percentile !== undefined && /^p\(/.test(expression)) {
      value = all.latency.quantile(limit.percentile / 100);
      shown = near(value);
    } else if (/^error_rate/.test(expression)) {
      value = all.failed / finished;
      shown = percent(value);
    } else if (/^rate/.test(expression)) {
      value = finished / all.length;
      shown = rate(value);
    }
    if (value === null) return unknown;
    return { expression, holds: limit.isBelow ? value < limit.value : value > limit.value, observed: shown };
  });
}
