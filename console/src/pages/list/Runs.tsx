// The runs of a scenario, a page at a time from the API: how each ended, its change
// against the baseline, its note; some are chosen to be compared.
import Button from '@cloudscape-design/components/button';
import Header from '@cloudscape-design/components/header';
import Pagination from '@cloudscape-design/components/pagination';
import SpaceBetween from '@cloudscape-design/components/space-between';
import Table, { type TableProps } from '@cloudscape-design/components/table';
import { useState } from 'react';
import { calls, useChange, useRun, useRunPage } from '../../api/queries';
import { isActive, type RunRow } from '../../api/types';
import { ChangeButton } from '../../app/Change';
import { Info } from '../../app/Info';
import { flash, flashError } from '../../app/flash';
import { go, to } from '../../app/router';
import { change, count, percent, rate } from '../../numbers/format';
import { Empty, Failed, Inert, Num, Time, To, When } from '../../ui/parts';
import { Outcome, TrustWord } from '../../ui/words';
import type { Column } from './kept';
import { ListPreferences, usePreferences } from './preferences';

/** A comparison takes as many. */
const MOST_CHOSEN = 5;
const NONE: RunRow[] = [];

const COLUMNS: Column[] = [
  { id: 'when', name: 'Started', isFixed: true },
  { id: 'outcome', name: 'Result' },
  { id: 'trust', name: 'Trust' },
  { id: 'p95', name: 'p95' },
  { id: 'p50', name: 'p50' },
  { id: 'p99', name: 'p99', isExtra: true },
  { id: 'failed', name: 'Failed' },
  { id: 'rate', name: 'Rate' },
  { id: 'requests', name: 'Requests' },
  { id: 'id', name: 'Id', isExtra: true },
];

interface Props {
  test: string;
  base: string;
  /** Changes when the scenario moved on. */
  version: string;
  /** Runs that were asked for already. */
  known: RunRow[];
}

export function Runs({ test, base, version, known }: Props) {
  const [preferences, setPreferences] = usePreferences('runs', COLUMNS);
  // Tokens of the pages that were seen; the first page has none.
  const [tokens, setTokens] = useState(['']);
  const [page, setPage] = useState(1);
  const [chosen, setChosen] = useState<RunRow[]>([]);
  const runs = useRunPage(test, preferences.pageSize, tokens[page - 1] ?? '', version);
  const rows = runs.data?.testRuns ?? NONE;
  const total = runs.data?.pagination.total_count ?? 0;
  const next = runs.isPlaceholderData ? null : (runs.data?.pagination.next_token ?? null);
  const pages = Math.max(1, Math.ceil(total / preferences.pageSize));
  const times = useBaseTimes(test, base, [...rows, ...known]);
  const fresh = (run: RunRow) => rows.find((row) => row.testRunId === run.testRunId) ?? run;
  const picked = chosen.map(fresh).sort((a, b) => b.startTime.localeCompare(a.startTime));
  const turn = (to: number) => {
    if (to > tokens.length && next !== null) setTokens([...tokens, next]);
    if (to <= tokens.length || next !== null) setPage(to);
  };
  const restart = () => {
    setTokens(['']);
    setPage(1);
    setChosen([]);
  };
  if (runs.error && !runs.data) return <Failed error={runs.error} what="The runs" again={() => void runs.refetch()} />;
  return (
    <Table<RunRow>
      header={
        <Header
          variant="h2" info={<Info topic="baseline" of="baseline and comparison" />}
          counter={picked.length > 0 ? `(${picked.length} of ${count(total)})` : `(${count(total)})`}
          description={times ? 'Below each number: its change against the baseline. Whether a change is real is said by a comparison.' : 'Set a run as baseline to see what changes. Choose two to five runs to compare them.'}
          actions={<Actions test={test} base={base} picked={picked} done={restart} />}
        >
          Runs
        </Header>
      }
      loading={runs.isPending}
      loadingText="Loading runs…"
      items={rows}
      trackBy="testRunId"
      selectionType="multi"
      selectedItems={picked}
      onSelectionChange={({ detail }) => setChosen(detail.selectedItems)}
      columnDefinitions={definitions(test, base, times)}
      columnDisplay={preferences.columns}
      pagination={
        pages > 1 && (
          <Pagination
            currentPageIndex={page}
            pagesCount={Math.min(tokens.length, pages)}
            openEnd={tokens.length < pages}
            disabled={runs.isPlaceholderData}
            onChange={({ detail }) => turn(detail.currentPageIndex)}
          />
        )
      }
      preferences={
        <ListPreferences
          columns={COLUMNS}
          preferences={preferences}
          set={(changed) => {
            setPreferences(changed);
            if (changed.pageSize !== preferences.pageSize) restart();
          }}
          what="runs"
        />
      }
      empty={
        page > 1 ? (
          <Empty title="There is no run on this page any more." next={<Button onClick={restart}>See the newest</Button>} />
        ) : (
          <Empty title="There is no run yet." next={<span>Press Run above.</span>} />
        )
      }
      ariaLabels={{ tableLabel: 'Runs', selectionGroupLabel: 'Choose runs', allItemsSelectionLabel: () => 'All runs', itemSelectionLabel: (_, run) => `Run ${run.testRunId}` }}
    />
  );
}

function Actions({ test, base, picked, done }: { test: string; base: string; picked: RunRow[]; done: () => void }) {
  const remove = useChange((ids: string[]) => calls.removeRuns(test, ids));
  const setBase = useChange((id: string) => calls.setBaseline(test, id));
  const [newer, ...others] = picked;
  const isKept = picked.some((run) => run.testRunId === base || isActive(run.status));
  const compared = others.length > 0 ? others.map((run) => run.testRunId).join(',') : base;
  const isComparable = picked.length >= (base && newer?.testRunId !== base ? 1 : 2) && picked.length <= MOST_CHOSEN;
  return (
    <SpaceBetween direction="horizontal" size="xs">
      <ChangeButton
        disabled={picked.length === 0 || isKept}
        {...(isKept ? { disabledReason: 'The baseline and a run in progress stay.' } : {})}
        onClick={() => {
          if (window.confirm(`Delete ${picked.length} ${picked.length === 1 ? 'run' : 'runs'} with their results?`))
            remove.mutate(picked.map((run) => run.testRunId), { onSuccess: done, onError: flashError('The runs were not deleted') });
        }}
      >
        Delete
      </ChangeButton>
      <ChangeButton
        disabled={picked.length !== 1 || newer?.testRunId === base}
        onClick={() => newer && setBase.mutate(newer.testRunId, { onSuccess: () => flash('success', `Run ${newer.testRunId} is the baseline.`), onError: flashError('The baseline was not set') })}
      >
        Set as baseline
      </ChangeButton>
      <Button
        disabled={!isComparable}
        {...(picked.length > MOST_CHOSEN ? { disabledReason: `At most ${MOST_CHOSEN} runs are compared: choose fewer.` } : {})}
        onClick={() => go(to(['scenarios', test, 'compare'], { run: newer?.testRunId, with: compared }))}
      >
        Compare
      </Button>
    </SpaceBetween>
  );
}

type Times = RunRow['ok_times'];

/** The baseline's times: of a run that is here already, else of its record. */
function useBaseTimes(test: string, base: string, here: RunRow[]): Times {
  const row = here.find((run) => run.testRunId === base);
  const record = useRun(test, base, base !== '' && row === undefined);
  const summary = record.data?.summary;
  return row?.ok_times ?? (summary?.times_over === 'ok' ? summary.total : undefined);
}

function definitions(test: string, base: string, times: Times): TableProps.ColumnDefinition<RunRow>[] {
  const timed = (id: 'p50' | 'p95' | 'p99'): TableProps.ColumnDefinition<RunRow> => ({
    id,
    header: <Num>{id}</Num>,
    cell: (run) => {
      const us = run.ok_times?.[`${id}_us`];
      return (
        <>
          <Time us={us} why="no request succeeded" />
          {run.testRunId !== base && <Delta value={us} base={times?.[`${id}_us`]} />}
        </>
      );
    },
  });
  return [
    {
      id: 'when',
      header: 'Started',
      isRowHeader: true,
      minWidth: 130,
      cell: (run) => (
        <>
          <To href={to(['scenarios', test, 'runs', run.testRunId])}><When stamp={run.startTime} /></To>
          {run.testRunId === base && <div className="muted" style={{ fontSize: 12 }}>baseline</div>}
          {run.note && <div className="muted" style={{ fontSize: 12, maxWidth: 260 }}><Inert most={90}>{run.note}</Inert></div>}
        </>
      ),
    },
    { id: 'outcome', header: 'Result', minWidth: 110, cell: (run) => <Outcome word={run.outcome?.word} status={run.status} /> },
    { id: 'trust', header: 'Trust', minWidth: 110, cell: (run) => <TrustWord trust={run.verdict?.trust} /> },
    timed('p95'),
    timed('p50'),
    timed('p99'),
    { id: 'failed', header: <Num>Failed</Num>, cell: (run) => <Num title={`${count(run.errors)} of ${count(run.requests)}`}>{run.requests ? percent((run.errors ?? 0) / run.requests) : '–'}</Num> },
    { id: 'rate', header: <Num>Rate</Num>, cell: (run) => <Num>{rate(run.rate_per_s ?? run.requestsPerSecond)}</Num> },
    { id: 'requests', header: <Num>Requests</Num>, cell: (run) => <Num>{count(run.requests)}</Num> },
    { id: 'id', header: 'Id', cell: (run) => <code>{run.testRunId}</code> },
  ];
}

function Delta({ value, base }: { value: number | null | undefined; base: number | null | undefined }) {
  if (!value || !base) return null;
  return <div className="num muted" style={{ fontSize: 12 }} title="against the baseline">{change(((value - base) / base) * 100)}</div>;
}
