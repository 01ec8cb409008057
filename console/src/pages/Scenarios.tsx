// The list of scenarios: what they are, how their last run ended, how fast it was. The
// filter lives in the address.
import Box from '@cloudscape-design/components/box';
import Button from '@cloudscape-design/components/button';
import ButtonDropdown from '@cloudscape-design/components/button-dropdown';
import Header from '@cloudscape-design/components/header';
import Pagination from '@cloudscape-design/components/pagination';
import Select from '@cloudscape-design/components/select';
import SpaceBetween from '@cloudscape-design/components/space-between';
import Table, { type TableProps } from '@cloudscape-design/components/table';
import TextFilter from '@cloudscape-design/components/text-filter';
import { useState } from 'react';
import { calls, useChange, useScenarios } from '../api/queries';
import { isActive, type ScenarioItem } from '../api/types';
import { flash, flashError } from '../app/flash';
import { go, to, useQueryParam } from '../app/router';
import { change, percent } from '../numbers/format';
import { startAgain } from '../plan/start';
import { Empty, Failed, Inert, Num, Time, To, When } from '../ui/parts';
import { Outcome, Status, TrustWord } from '../ui/words';
import { p95Change, useLastRuns } from './lastRun';

const PER_PAGE = 20;

export default function Scenarios() {
  const scenarios = useScenarios();
  const [text, setText] = useQueryParam('find');
  const [status, setStatus] = useQueryParam('status');
  const [tag, setTag] = useQueryParam('tag');
  const [pageText, setPage] = useQueryParam('page');
  const [chosen, setChosen] = useState<ScenarioItem[]>([]);
  const items = scenarios.data ?? [];
  const wanted = text.trim().toLowerCase();
  const found = items.filter(
    (item) =>
      (!status || item.status === status) &&
      (!tag || item.tags.includes(tag)) &&
      (!wanted || [item.testName, item.testId, item.testDescription, ...item.tags].some((field) => field.toLowerCase().includes(wanted))),
  );
  const pages = Math.max(1, Math.ceil(found.length / PER_PAGE));
  const page = Math.min(pages, Number(pageText) || 1);
  const [one] = chosen;
  const current = items.find((item) => item.testId === one?.testId);
  const clear = () => {
    setText('');
    setStatus('');
    setTag('');
  };
  if (scenarios.error && !scenarios.data) return <Failed error={scenarios.error} what="The scenarios" again={() => void scenarios.refetch()} />;
  const isFiltered = wanted !== '' || status !== '' || tag !== '';
  return (
    <Table<ScenarioItem>
      variant="full-page"
      stickyHeader
      header={
        <Header variant="h1" counter={scenarios.data ? `(${isFiltered ? `${found.length} of ` : ''}${items.length})` : ''} actions={<Actions item={current} done={() => setChosen([])} />}>
          Scenarios
        </Header>
      }
      loading={scenarios.isPending}
      loadingText="Loading scenarios…"
      selectionType="single"
      selectedItems={current ? [current] : []}
      onSelectionChange={({ detail }) => setChosen(detail.selectedItems)}
      trackBy="testId"
      items={found.slice((page - 1) * PER_PAGE, page * PER_PAGE)}
      columnDefinitions={COLUMNS}
      filter={
        <SpaceBetween direction="horizontal" size="xs">
          <TextFilter filteringText={text} filteringPlaceholder="Find by name, id or tag" filteringAriaLabel="Find scenarios" countText={isFiltered ? `${found.length} match` : ''} onChange={({ detail }) => { setText(detail.filteringText); setPage(''); }} />
          <Choice name="status" any="Any status" value={status} values={[...new Set(items.map((item) => item.status))]} set={setStatus} />
          <Choice name="tag" any="Any tag" value={tag} values={[...new Set(items.flatMap((item) => item.tags))].sort()} set={setTag} />
        </SpaceBetween>
      }
      pagination={pages > 1 && <Pagination currentPageIndex={page} pagesCount={pages} onChange={({ detail }) => setPage(detail.currentPageIndex > 1 ? String(detail.currentPageIndex) : '')} />}
      empty={
        isFiltered ? (
          <Empty title="No scenario matches." next={<Button onClick={clear}>Show all</Button>} />
        ) : (
          <Empty title="There is no scenario yet." next={<Button href={to(['create'])}>Create scenario</Button>} />
        )
      }
      ariaLabels={{ tableLabel: 'Scenarios', selectionGroupLabel: 'Choose a scenario', itemSelectionLabel: (_, item) => item.testName }}
    />
  );
}

const COLUMNS: TableProps.ColumnDefinition<ScenarioItem>[] = [
  { id: 'name', header: 'Name', isRowHeader: true, minWidth: 160, cell: (item) => <To href={to(['scenarios', item.testId])}><Inert>{item.testName}</Inert></To> },
  { id: 'last', header: 'Last result', minWidth: 200, cell: (item) => <Last item={item} /> },
  { id: 'p95', header: <Num>p95</Num>, cell: (item) => <P95 item={item} /> },
  { id: 'failed', header: <Num>Failed</Num>, cell: (item) => <FailedShare item={item} /> },
  { id: 'when', header: 'When', cell: (item) => <When stamp={item.startTime} /> },
  { id: 'status', header: 'Status', minWidth: 110, cell: (item) => <Status status={item.status} /> },
  { id: 'next', header: 'Next', cell: (item) => (item.nextRun ? <span title={item.scheduleTimezone}>{item.nextRun.slice(0, 16)}</span> : '–') },
  { id: 'tags', header: 'Tags', cell: (item) => item.tags.join(', ') || '–' },
];

function Last({ item }: { item: ScenarioItem }) {
  const last = useLastRuns(item)?.find((run) => run.endTime);
  if (!last) return <Box color="text-status-inactive">{item.totalTestRuns === 0 ? 'never ran' : '–'}</Box>;
  return (
    <SpaceBetween direction="horizontal" size="s">
      <To href={to(['scenarios', item.testId, 'runs', last.testRunId])}><Outcome word={last.outcome?.word} status={last.status} /></To>
      {last.verdict && <TrustWord trust={last.verdict.trust} />}
    </SpaceBetween>
  );
}

function P95({ item }: { item: ScenarioItem }) {
  const runs = useLastRuns(item);
  const delta = p95Change(runs);
  return (
    <>
      <Time us={runs?.find((run) => run.endTime)?.ok_times?.p95_us} why="no request succeeded, or no run has ended" />
      {delta !== null && <div className="num muted" style={{ fontSize: 12 }} title="against the run before">{change(delta)}</div>}
    </>
  );
}

function FailedShare({ item }: { item: ScenarioItem }) {
  const last = useLastRuns(item)?.find((run) => run.endTime);
  const all = last?.requests ?? 0;
  return <Num>{all > 0 ? percent((last?.errors ?? 0) / all) : '–'}</Num>;
}

function Choice({ name, any, value, values, set }: { name: string; any: string; value: string; values: string[]; set: (value: string) => void }) {
  const options = [{ label: any, value: '' }, ...values.map((one) => ({ label: one, value: one }))];
  return (
    <Select
      ariaLabel={`Filter by ${name}`}
      selectedOption={options.find((option) => option.value === value) ?? { label: value, value }}
      options={options}
      onChange={({ detail }) => set(detail.selectedOption.value ?? '')}
    />
  );
}

function Actions({ item, done }: { item: ScenarioItem | undefined; done: () => void }) {
  const start = useChange((test: string) => startAgain(test));
  const cancel = useChange((test: string) => calls.cancel(test));
  const remove = useChange((test: string) => calls.remove(test));
  const isGoing = isActive(item?.status);
  return (
    <SpaceBetween direction="horizontal" size="xs">
      <ButtonDropdown
        disabled={!item}
        items={[
          { id: 'edit', text: 'Edit' },
          { id: 'cancel', text: isGoing ? 'Cancel the run' : 'Drop the schedule', disabled: !isGoing && !item?.nextRun },
          { id: 'delete', text: 'Delete', disabled: isGoing, disabledReason: 'A run is in progress.' },
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
      <Button
        disabled={!item || isGoing}
        loading={start.isPending}
        onClick={() => item && start.mutate(item.testId, { onSuccess: (run) => go(to(['scenarios', item.testId, 'runs', run], { new: '1' })), onError: flashError('The run was not started') })}
      >
        Run
      </Button>
      <Button variant="primary" href={to(['create'])}>Create scenario</Button>
    </SpaceBetween>
  );
}
