// How far a run's load is, and when it may be over: by its planned time, or by the number of
// requests that its users make. What is measured meanwhile is told elsewhere.
import { count, duration } from '../numbers/format';
import { offset } from '../numbers/when';
import { number, requestsInAll, type Fields } from './words';

export interface Progress {
  /** From 0 to 1. */
  part: number;
  said: string;
}

interface Now {
  /** Seconds of load that are known. */
  at: number;
  /** Planned seconds of load. */
  whole: number;
  /** Requests that began so far, and in each of the last seconds. */
  begun: number;
  rate: number;
  /** Whether load is still made. */
  isRunning: boolean;
  /** Whether the load may be over before its time: after so many rounds or requests. */
  endsByCount: boolean;
  /** So many requests, where the users make a number of them. */
  asked: number | undefined;
  /** Whether more may begin than were asked for: each hop of a redirect is counted as begun, and none is one of the plan's. */
  mayRedirect: boolean;
}

/** Where the load of a plan may be over before its time, and after how many requests if somebody counts all of them. */
export function countedEnd(plan: Fields | undefined, load: { model: string; requests?: number | null } | undefined): Pick<Now, 'endsByCount' | 'asked' | 'mayRedirect'> {
  const items = Array.isArray(plan?.['execution']) ? (plan['execution'] as Fields[]) : [];
  const ends = items.filter((item) => !item['arrivals'] && item['arrivals'] !== 0 && (item['iterations'] || item['total-requests']));
  const asked = load?.requests ?? requestsInAll(plan);
  const endsByCount = ends.length > 0 || (load?.model === 'closed' && asked !== undefined);
  return { endsByCount, asked: endsByCount ? asked : undefined, mayRedirect: mayRedirect(plan) };
}

/** Whether a redirect is followed somewhere, if one comes; where the plan is not known it may be. */
function mayRedirect(plan: Fields | undefined): boolean {
  const scenarios = Object.values((plan?.['scenarios'] ?? {}) as Record<string, Fields>);
  const isFollowing = (one: Fields | undefined) => one?.['follow-redirects'] !== false && number(one?.['max-redirects']) !== 0;
  const isLed = (scenario: Fields) => {
    const { requests } = scenario;
    return !Array.isArray(requests) || (requests as Fields[]).some((one) => isFollowing({ ...scenario, ...(typeof one === 'object' ? one : {}) }));
  };
  return scenarios.length === 0 || scenarios.some(isLed);
}

export function progress({ at, whole, begun, rate, isRunning, endsByCount, asked, mayRedirect }: Now): Progress {
  if (at <= 0) return { part: 0, said: '' };
  const byTime = whole > 0 ? Math.min(1, at / whole) : 0;
  // Seconds do not tell hops of redirects from requests of the plan. So many are done at most,
  // then; and beyond the number that was asked for nobody knows how many are left.
  if (asked !== undefined && begun <= asked) {
    const still = asked - begun;
    const left = Math.min(still / rate, whole > 0 ? Math.max(0, whole - at) : Infinity);
    const end = !isRunning || (still === 0 && mayRedirect) ? '' : still === 0 ? ', waiting for the last answers' : Number.isFinite(left) ? `, ${mayRedirect ? 'at least' : 'about'} ${duration(Math.ceil(left))} left` : '';
    return { part: Math.max(byTime, begun / asked), said: `${mayRedirect ? 'at most ' : ''}${count(begun)} of ${count(asked)} requests in ${offset(at)}${end}` };
  }
  if (endsByCount) return { part: byTime, said: whole > 0 ? `${offset(at)} of at most ${offset(whole)}` : offset(at) };
  const left = Math.max(0, whole - at);
  return { part: byTime, said: `${offset(at)} of ${offset(whole)}${isRunning ? (left > 0 ? `, ${duration(left)} left` : ', waiting for the last answers') : ''}` };
}
