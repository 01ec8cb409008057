// Response times by label: what there is to see first, its regions beneath on demand, a
// line of the p95 over time for the rows on screen.
import Box from '@cloudscape-design/components/box';
import Button from '@cloudscape-design/components/button';
import Header from '@cloudscape-design/components/header';
import Table from '@cloudscape-design/components/table';
import TextFilter from '@cloudscape-design/components/text-filter';
import { useMemo, useState } from 'react';
import { useLabelSeries, useOverview } from '../../api/timelines';
import type { Blocks, Comparison, RunRecord } from '../../api/types';
import { Info } from '../../app/Info';
import { useQueryParam } from '../../app/router';
import { count, percent } from '../../numbers/format';
import { stepFor } from '../../numbers/window';
import { bounded } from '../../ui/parts';
import { columnsOf, regionsOf, rowsOf, sort, type Row } from './labelRows';
import { overviewStep } from './OverTime';
import { Spark, SPARK_POINTS } from './Spark';

/** Labels before one asks for more: what follows must not be out of sight. */
const FIRST_LABELS = 12;
const MORE_LABELS = 100;
const NARROW = 700;

interface Props {
  test: string;
  record: RunRecord;
  summary: Blocks;
  comparison: Comparison | undefined;
}

export function Labels({ test, record, summary, comparison }: Props) {
  const run = record.testRunId;
  const [text, setText] = useQueryParam('label');
  const [most, setMost] = useState(FIRST_LABELS);
  const [sorting, setSorting] = useState<{ id: string; down: boolean }>();
  const [opened, setOpened] = useState<string[]>([]);
  const rows = useMemo(() => rowsOf(summary, comparison), [summary, comparison]);
  const labels = rows.filter((row) => row.kind === 'label' && row.name.toLowerCase().includes(text.toLowerCase()));
  const sorted = sorting ? sort(labels, sorting.id, sorting.down) : labels;
  const shown = [...rows.filter((row) => row.kind === 'all'), ...sorted.slice(0, most)];
  const spark = useSparks(test, record, shown);
  const { total } = summary;
  const share = total.count > 0 ? percent(total.failed / total.count) : '–';
  // On a phone a fixed column leaves no room for what people came for.
  const isNarrow = window.innerWidth < NARROW;
  const isRegional = Object.keys(summary.regions).length > 1;
  return (
    <Table<Row>
      variant="container"
      header={
        <Header
          variant="h2" info={<Info topic="times" of="response times" />}
          counter={`(${count(summary.labels.length)})`}
          description={`Times are of ${summary.times_over === 'ok' ? 'ok answers' : 'all answers'}; ${share} failed.${isRegional ? ' Open a row for its regions.' : ''}${comparison ? ' Below: the change against the baseline, ? where nothing can be told.' : ''}`}
        >
          Response times by label
        </Header>
      }
      filter={
        summary.labels.length > 8 && (
          <TextFilter filteringText={text} filteringPlaceholder="Find labels" filteringAriaLabel="Find labels" onChange={({ detail }) => setText(detail.filteringText)} countText={`${count(labels.length)} match`} />
        )
      }
      columnDefinitions={columnsOf({ test, run, loaded: summary.loaded_us / 1e6, isCompared: comparison !== undefined, isNarrow, spark })}
      items={shown}
      trackBy="key"
      wrapLines
      {...(isNarrow ? {} : { stickyColumns: { first: 1 } })}
      {...(isRegional
        ? {
            expandableRows: {
              getItemChildren: (row: Row) => regionsOf(row, summary),
              isItemExpandable: (row: Row) => row.kind !== 'region',
              expandedItems: shown.filter((row) => opened.includes(row.key)),
              onExpandableItemToggle: ({ detail }) => setOpened(detail.expanded ? [...opened, detail.item.key] : opened.filter((key) => key !== detail.item.key)),
            },
          }
        : {})}
      {...(sorting ? { sortingColumn: { sortingField: sorting.id }, sortingDescending: sorting.down } : {})}
      onSortingChange={({ detail }) => setSorting({ id: detail.sortingColumn.sortingField ?? '', down: detail.isDescending ?? false })}
      empty={<Box textAlign="center">No request was finished.</Box>}
      {...(sorted.length > most
        ? { footer: <Button onClick={() => setMost(most + MORE_LABELS)}>{`Show more: ${count(most)} of ${count(sorted.length)} labels are here`}</Button> }
        : {})}
      ariaLabels={{
        tableLabel: 'Response times by label',
        expandButtonLabel: (row) => `Show the regions of ${bounded(row.name, 100)}`,
        collapseButtonLabel: (row) => `Hide the regions of ${bounded(row.name, 100)}`,
      }}
    />
  );
}

/** The lines of rows on screen: labels are asked for by name. */
function useSparks(test: string, record: RunRecord, shown: Row[]): (row: Row) => React.ReactNode {
  const run = record.testRunId;
  const length = Math.max(1, (record.summary?.loaded_us ?? 0) / 1e6);
  const overview = useOverview(test, run, overviewStep(record));
  const names = shown.flatMap((row) => (row.kind === 'label' ? [row.name] : []));
  // The same labels in another order are the same question.
  const asked = useLabelSeries(test, run, [...names].sort(), stepFor(length, SPARK_POINTS), overview.data !== undefined);
  const series = new Map((asked.data ?? []).map((one) => [one.label, one]));
  const total = overview.data?.total;
  return (row) => {
    if (row.kind === 'region') return null;
    const found = row.kind === 'all' ? total && { label: '', seconds: total } : series.get(row.name);
    return found ? <Spark series={found} length={length} /> : <span className="muted" title="only the first 100 labels are kept second by second">–</span>;
  };
}
