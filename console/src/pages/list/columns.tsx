// Columns of the list of scenarios, in the order of what people come for: name, how the
// last run ended, how fast it was, when; then the rest.
import Box from '@cloudscape-design/components/box';
import SpaceBetween from '@cloudscape-design/components/space-between';
import type { TableProps } from '@cloudscape-design/components/table';
import type { ScenarioItem } from '../../api/types';
import { to } from '../../app/router';
import { change, count } from '../../numbers/format';
import { Inert, Num, Time, To, When } from '../../ui/parts';
import { Outcome, Status, TrustWord } from '../../ui/words';
import { p95Change, useLast, useLastRuns } from '../lastRun';
import type { Column } from './kept';

export interface Sorting {
  id: string;
  down: boolean;
}

export const COLUMNS: Column[] = [
  { id: 'name', name: 'Name', isFixed: true },
  { id: 'last', name: 'Last result' },
  { id: 'p95', name: 'p95' },
  { id: 'when', name: 'When' },
  { id: 'status', name: 'Status' },
  { id: 'next', name: 'Next' },
  { id: 'tags', name: 'Tags' },
  { id: 'runs', name: 'Runs', isExtra: true },
  { id: 'description', name: 'Description', isExtra: true },
  { id: 'id', name: 'Id', isExtra: true },
];

export const DEFINITIONS: TableProps.ColumnDefinition<ScenarioItem>[] = [
  { id: 'name', header: 'Name', isRowHeader: true, minWidth: 180, maxWidth: 360, sortingField: 'name', cell: (item) => <To href={to(['scenarios', item.testId])}><Inert most={80}>{item.testName}</Inert></To> },
  { id: 'last', header: 'Last result', minWidth: 210, cell: (item) => <LastResult item={item} /> },
  { id: 'p95', header: <Num>p95</Num>, minWidth: 90, sortingField: 'p95', cell: (item) => <P95 item={item} /> },
  { id: 'when', header: 'When', minWidth: 120, sortingField: 'when', cell: (item) => <LastWhen item={item} /> },
  { id: 'status', header: 'Status', minWidth: 120, sortingField: 'status', cell: (item) => <Status status={item.status} /> },
  { id: 'next', header: 'Next', minWidth: 130, sortingField: 'next', cell: (item) => (item.nextRun ? <span title={item.scheduleTimezone}>{item.nextRun.slice(0, 16)}</span> : '–') },
  { id: 'tags', header: 'Tags', cell: (item) => (item.tags.length > 0 ? <Inert most={60}>{item.tags.join(', ')}</Inert> : '–') },
  { id: 'runs', header: <Num>Runs</Num>, sortingField: 'runs', cell: (item) => <Num>{count(item.totalTestRuns)}</Num> },
  { id: 'description', header: 'Description', cell: (item) => <Inert most={80}>{item.testDescription}</Inert> },
  { id: 'id', header: 'Id', cell: (item) => <code>{item.testId}</code> },
];

function LastResult({ item }: { item: ScenarioItem }) {
  const { last, failures } = useLast(item);
  if (!last) return <Box color="text-status-inactive">{item.totalTestRuns === 0 ? 'never ran' : last === null ? 'no run has ended' : '–'}</Box>;
  return (
    <>
      <SpaceBetween direction="horizontal" size="s">
        <To href={to(['scenarios', item.testId, 'runs', last.run])}><Outcome word={last.word} status={last.status} /></To>
        {last.trust && <TrustWord trust={last.trust} />}
      </SpaceBetween>
      {failures && <div className="bad" style={{ fontSize: 12 }}>{failures}</div>}
    </>
  );
}

function P95({ item }: { item: ScenarioItem }) {
  const { last } = useLast(item);
  // Of rows on screen only: the list does not tell the run before.
  const delta = p95Change(useLastRuns(item, 5, last !== null));
  return (
    <>
      <Time us={last?.p95Us} why="no request succeeded, or no run has ended" />
      {delta !== null && <div className="num muted" style={{ fontSize: 12 }} title="against the run before">{change(delta)}</div>}
    </>
  );
}

function LastWhen({ item }: { item: ScenarioItem }) {
  return <When stamp={item.last_run?.at ?? item.startTime} />;
}

/** Rows in an order; those without a value come last, whichever way. */
export function sorted(items: ScenarioItem[], sorting: Sorting | undefined): ScenarioItem[] {
  if (!sorting) return items;
  const value = (item: ScenarioItem): string | number => {
    if (sorting.id === 'p95') return item.last_run?.p95_us ?? '';
    if (sorting.id === 'when') return item.last_run?.at ?? item.startTime;
    if (sorting.id === 'status') return item.status;
    if (sorting.id === 'next') return item.nextRun;
    if (sorting.id === 'runs') return item.totalTestRuns;
    return item.testName.toLowerCase();
  };
  const sign = sorting.down ? -1 : 1;
  return items
    .map((item) => ({ item, value: value(item) }))
    .sort((a, b) => {
      if (a.value === '' || b.value === '') return a.value === b.value ? 0 : a.value === '' ? 1 : -1;
      return a.value === b.value ? 0 : sign * (a.value < b.value ? -1 : 1);
    })
    .map((row) => row.item);
}
