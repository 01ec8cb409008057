// The list of scenarios: what they are, how their last run ended, how fast it was. The
// filter lives in the address, what a page shows in the browser.
import Button from '@cloudscape-design/components/button';
import ButtonDropdown from '@cloudscape-design/components/button-dropdown';
import Header from '@cloudscape-design/components/header';
import Pagination from '@cloudscape-design/components/pagination';
import PropertyFilter from '@cloudscape-design/components/property-filter';
import SpaceBetween from '@cloudscape-design/components/space-between';
import Table from '@cloudscape-design/components/table';
import { useDeferredValue, useMemo, useState } from 'react';
import { calls, useChange, useScenarios } from '../api/queries';
import { isActive, type ScenarioItem } from '../api/types';
import { ChangeButton, lockedBy } from '../app/Change';
import { Info } from '../app/Info';
import { flash, flashError } from '../app/flash';
import { go, replaceQuery, to, useQueryParam } from '../app/router';
import { useReadOnly } from '../app/user';
import { count } from '../numbers/format';
import { startAgain } from '../plan/start';
import { bounded, Empty, Failed } from '../ui/parts';
import { COLUMNS, DEFINITIONS, sorted, type Sorting } from './list/columns';
import { fromText, matches, optionsOf, toText } from './list/filter';
import { ListPreferences, usePreferences } from './list/preferences';

const property = (key: string, propertyLabel: string, operators: string[]) => ({ key, propertyLabel, groupValuesLabel: `${propertyLabel}: values`, operators });
const PROPERTIES = [
  property('name', 'Name', [':', '!:', '=', '!=']),
  property('tag', 'Tag', ['=', '!=']),
  property('status', 'Status', ['=', '!=']),
  property('result', 'Last result', ['=', '!=']),
  property('trust', 'Trust', ['=', '!=']),
  property('schedule', 'Schedule', ['=', '!=']),
];
const NONE: ScenarioItem[] = [];

export default function Scenarios() {
  const scenarios = useScenarios();
  const [text] = useQueryParam('filter');
  const [pageText, setPage] = useQueryParam('page');
  const [sorting, setSorting] = useState<Sorting>();
  const [chosen, setChosen] = useState<ScenarioItem[]>([]);
  const [preferences, setPreferences] = usePreferences('scenarios', COLUMNS);
  const items = scenarios.data ?? NONE;
  const query = useMemo(() => fromText(text), [text]);
  const options = useMemo(() => optionsOf(items), [items]);
  // The field shows what was chosen at once; thousands of rows follow.
  const wanted = useDeferredValue(query);
  const order = useDeferredValue(sorting);
  const found = useMemo(() => sorted(items.filter((item) => matches(item, wanted)), order), [items, wanted, order]);
  const pages = Math.max(1, Math.ceil(found.length / preferences.pageSize));
  const page = Math.min(pages, Math.max(1, Number(pageText) || 1));
  const [one] = chosen;
  const current = items.find((item) => item.testId === one?.testId);
  if (scenarios.error && !scenarios.data) return <Failed error={scenarios.error} what="The scenarios" again={() => void scenarios.refetch()} />;
  const isFiltered = wanted.tokens.length > 0;
  const filter = (next: string) => replaceQuery({ filter: next, page: '' });
  return (
    <Table<ScenarioItem>
      variant="full-page"
      stickyHeader
      header={
        <Header variant="h1" info={<Info topic="scenarios" of="scenarios" />} counter={scenarios.data ? `(${isFiltered ? `${count(found.length)} of ` : ''}${count(items.length)})` : ''} actions={<Actions item={current} done={() => setChosen([])} />}>
          Scenarios
        </Header>
      }
      loading={scenarios.isPending}
      loadingText="Loading scenarios…"
      selectionType="single"
      selectedItems={current ? [current] : []}
      onSelectionChange={({ detail }) => setChosen(detail.selectedItems)}
      trackBy="testId"
      items={found.slice((page - 1) * preferences.pageSize, page * preferences.pageSize)}
      columnDefinitions={DEFINITIONS}
      columnDisplay={preferences.columns}
      {...(sorting ? { sortingColumn: { sortingField: sorting.id }, sortingDescending: sorting.down } : {})}
      onSortingChange={({ detail }) => setSorting({ id: detail.sortingColumn.sortingField ?? '', down: detail.isDescending ?? false })}
      filter={
        <PropertyFilter
          query={query}
          onChange={({ detail }) => filter(toText(detail))}
          filteringProperties={PROPERTIES}
          filteringOptions={options}
          virtualScroll
          expandToViewport
          tokenLimit={6}
          filteringPlaceholder="Find by name, tag, status, last result, trust or schedule"
          filteringAriaLabel="Find scenarios"
          countText={isFiltered ? `${count(found.length)} ${found.length === 1 ? 'matches' : 'match'}` : ''}
        />
      }
      pagination={<Pagination currentPageIndex={page} pagesCount={pages} onChange={({ detail }) => setPage(detail.currentPageIndex > 1 ? String(detail.currentPageIndex) : '')} />}
      preferences={<ListPreferences columns={COLUMNS} preferences={preferences} set={setPreferences} what="scenarios" />}
      empty={
        isFiltered ? (
          <Empty title="No scenario matches." next={<Button onClick={() => filter('')}>Show all</Button>} />
        ) : (
          <Empty title="There is no scenario yet." next={<Button href={to(['create'])}>Create scenario</Button>} />
        )
      }
      ariaLabels={{ tableLabel: 'Scenarios', selectionGroupLabel: 'Choose a scenario', itemSelectionLabel: (_, item) => bounded(item.testName, 100) }}
    />
  );
}

function Actions({ item, done }: { item: ScenarioItem | undefined; done: () => void }) {
  const start = useChange((test: string) => startAgain(test));
  const cancel = useChange((test: string) => calls.cancel(test));
  const remove = useChange((test: string) => calls.remove(test));
  const isGoing = isActive(item?.status);
  const readOnly = useReadOnly();
  return (
    <SpaceBetween direction="horizontal" size="xs">
      <ButtonDropdown
        disabled={!item}
        items={[
          { id: 'edit', text: 'Edit' },
          { id: 'cancel', text: isGoing ? 'Cancel the run' : 'Drop the schedule', disabled: !isGoing && !item?.nextRun, ...lockedBy(readOnly) },
          { id: 'delete', text: 'Delete', disabled: isGoing, disabledReason: 'A run is in progress.', ...lockedBy(readOnly) },
        ]}
        onItemClick={({ detail }) => {
          if (!item) return;
          if (detail.id === 'edit') go(to(['scenarios', item.testId, 'edit']));
          if (detail.id === 'cancel') cancel.mutate(item.testId, { onError: flashError('It was not cancelled') });
          if (detail.id === 'delete' && window.confirm(`Delete the scenario ${item.testId} with its ${item.totalTestRuns} runs?`))
            remove.mutate(item.testId, {
              onSuccess: () => {
                flash('success', `The scenario ${item.testId} is deleted.`);
                done();
              },
              onError: flashError('It was not deleted'),
            });
        }}
      >
        Actions
      </ButtonDropdown>
      <ChangeButton
        disabled={!item || isGoing}
        disabledReason={item ? 'A run is in progress.' : 'Choose a scenario first.'}
        loading={start.isPending}
        onClick={() => item && start.mutate(item.testId, { onSuccess: (run) => go(to(['scenarios', item.testId, 'runs', run], { new: '1' })), onError: flashError('The run was not started') })}
      >
        Run
      </ChangeButton>
      <Button variant="primary" href={to(['create'])}>Create scenario</Button>
    </SpaceBetween>
  );
}
