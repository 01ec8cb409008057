// Which scenarios Home shows for how they went lately: those that need a look first, then
// the newest. How a row looks is Home's.
import { isActive, type ScenarioItem } from '../api/types';

type Item = Pick<ScenarioItem, 'status' | 'startTime' | 'last_run'>;

const NEEDS_A_LOOK = new Set(['failed', 'incomplete']);

/** At most so many of those that ended; a scenario that is scheduled has no start of its own, and its last run all the same. */
export function lately<T extends Item>(items: readonly T[], most: number): T[] {
  const at = (item: T) => item.last_run?.at || item.startTime;
  const isBad = (item: T) => NEEDS_A_LOOK.has(item.last_run?.word ?? item.status);
  return items
    .filter((item) => at(item) && !isActive(item.status))
    .sort((a, b) => Number(isBad(b)) - Number(isBad(a)) || at(b).localeCompare(at(a)))
    .slice(0, most);
}
