// The filter of the list of scenarios: which rows a query keeps, and the query as text of
// the address, so that a link shows the same rows. Drawing it is left to the page.
import type { ScenarioItem } from '../../api/types';

/** One condition: a property, how it is compared, and with what; no property is any text. */
export interface Token {
  propertyKey?: string | undefined;
  operator: string;
  value: string;
}

export interface Query {
  tokens: readonly Token[];
  operation: 'and' | 'or';
}

export const NOTHING: Query = { tokens: [], operation: 'and' };
const OPERATORS = ['!=', '!:', '=', ':'];
const KEYS = ['name', 'tag', 'status', 'result', 'trust', 'schedule'];

/** "result=failed&tag=shop" as one text: conditions between commas, `or` in front where one is enough. */
export function toText(query: Query): string {
  const parts = query.tokens.map(({ propertyKey = '', operator, value }) => `${propertyKey}${operator}${encodeURIComponent(value)}`);
  return parts.length === 0 ? '' : `${query.operation === 'or' ? 'or,' : ''}${parts.join(',')}`;
}

/** What cannot be read is left out: an address may be typed by hand. */
export function fromText(text: string): Query {
  const isOr = text.startsWith('or,');
  const tokens = (isOr ? text.slice(3) : text).split(',').flatMap((part): Token[] => {
    const match = /^([a-z]*)(!=|!:|=|:)(.+)$/.exec(part);
    const [, key = '', operator = '', value = ''] = match ?? [];
    if (!match || !OPERATORS.includes(operator) || (key !== '' && !KEYS.includes(key))) return [];
    return [{ ...(key ? { propertyKey: key } : {}), operator, value: decode(value) }];
  });
  return { tokens, operation: isOr ? 'or' : 'and' };
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** How a scenario is scheduled, in one word. */
export function scheduleOf(item: Pick<ScenarioItem, 'nextRun' | 'cronValue' | 'scheduleRecurrence'>): string {
  if (!item.nextRun) return 'none';
  return item.cronValue ? 'cron' : item.scheduleRecurrence || 'once';
}

/** A row's values of a property; any text looks at all that names it. */
function valuesOf(item: ScenarioItem, key: string | undefined): string[] {
  switch (key) {
    case 'name':
      return [item.testName];
    case 'tag':
      return item.tags;
    case 'status':
      return [item.status];
    case 'result':
      return [item.last_run?.word ?? (item.totalTestRuns === 0 ? 'never ran' : 'unknown')];
    case 'trust':
      return [item.last_run?.trust ?? 'unknown'];
    case 'schedule':
      return [scheduleOf(item)];
    default:
      return [item.testName, item.testId, item.testDescription, ...item.tags];
  }
}

export function matches(item: ScenarioItem, query: Query): boolean {
  const holds = ({ propertyKey, operator, value }: Token) => {
    const wanted = value.toLowerCase();
    const values = valuesOf(item, propertyKey).map((one) => one.toLowerCase());
    const found = operator.endsWith('=') ? values.includes(wanted) : values.some((one) => one.includes(wanted));
    return operator.startsWith('!') ? !found : found;
  };
  if (query.tokens.length === 0) return true;
  return query.operation === 'or' ? query.tokens.some(holds) : query.tokens.every(holds);
}

/** Values to offer; names are too many, and are typed. */
export function optionsOf(items: readonly ScenarioItem[]): { propertyKey: string; value: string }[] {
  return ['tag', 'status', 'result', 'trust', 'schedule'].flatMap((propertyKey) => {
    const values = new Set<string>();
    for (const item of items) for (const value of valuesOf(item, propertyKey)) values.add(value);
    return [...values].sort().map((value) => ({ propertyKey, value }));
  });
}
