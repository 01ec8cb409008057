// A result to take away: the record as the API tells it, labels and seconds as CSV, its
// thresholds as JUnit XML.
import ButtonDropdown from '@cloudscape-design/components/button-dropdown';
import { useMutation } from '@tanstack/react-query';
import { open } from '../../api/client';
import { paths } from '../../api/queries';
import { allSeconds } from '../../api/timelines';
import type { RunRecord } from '../../api/types';
import { flashError } from '../../app/flash';
import { csv } from '../../numbers/csv';
import { junit } from '../../numbers/junit';
import { labelRows, secondRows } from '../../numbers/tables';
import { save, saveText } from '../../ui/save';

export function Downloads({ test, record }: { test: string; record: RunRecord }) {
  const run = record.testRunId;
  const { summary } = record;
  const make = useMutation({
    mutationFn: async (what: string) => {
      if (what === 'json') save(`${run}.json`, await (await open(paths.run(test, run))).blob());
      if (what === 'labels' && summary) saveText(`${run}-labels.csv`, 'text/csv', csv(labelRows(summary)));
      if (what === 'seconds') saveText(`${run}-seconds.csv`, 'text/csv', csv(secondRows(await allSeconds(test, run))));
      if (what === 'junit') saveText(`${run}-junit.xml`, 'application/xml', junit(record));
    },
    onError: flashError('The file was not made'),
  });
  return (
    <ButtonDropdown
      loading={make.isPending}
      items={[
        { id: 'json', text: 'Report', secondaryText: 'The whole record, JSON' },
        { id: 'labels', text: 'Labels', secondaryText: 'Counts and times by label, CSV', disabled: !summary },
        { id: 'seconds', text: 'Seconds', secondaryText: 'Second by second, CSV', disabled: !summary },
        { id: 'junit', text: 'Thresholds', secondaryText: 'As test cases, JUnit XML' },
      ]}
      onItemClick={({ detail }) => make.mutate(detail.id)}
    >
      Download
    </ButtonDropdown>
  );
}
