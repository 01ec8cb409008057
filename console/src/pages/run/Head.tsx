// The head of a result: which run this is, and what to do next with it.
import ButtonDropdown from '@cloudscape-design/components/button-dropdown';
import Header from '@cloudscape-design/components/header';
import SpaceBetween from '@cloudscape-design/components/space-between';
import { calls, useChange } from '../../api/queries';
import { isActive, type RunRecord, type ScenarioRecord } from '../../api/types';
import { ChangeButton, lockedBy } from '../../app/Change';
import { Info } from '../../app/Info';
import { flash, flashError } from '../../app/flash';
import { go, to, useQueryValue } from '../../app/router';
import { useReadOnly } from '../../app/user';
import { startAgain } from '../../plan/start';
import { Inert, To } from '../../ui/parts';
import { Downloads } from './Downloads';

export function Head({ test, record, scenario, base }: { test: string; record: RunRecord; scenario: ScenarioRecord | null; base: string }) {
  const run = record.testRunId;
  const setBase = useChange(() => (base === run ? calls.clearBaseline(test) : calls.setBaseline(test, run)));
  const remove = useChange(() => calls.removeRuns(test, [run]));
  const again = useChange(() => startAgain(test));
  const readOnly = useReadOnly();
  const isWall = useQueryValue('wall') === '1';
  return (
    <Header
      variant="h1" info={<Info topic="run" of="results" />}
      description={<>Run {run} of scenario <To href={to(['scenarios', test])}>{test}</To>{base === run && ' · the baseline'}</>}
      actions={
        !isWall && (
          <SpaceBetween direction="horizontal" size="xs">
            <Downloads test={test} record={record} />
            <ButtonDropdown
              items={[
                { id: 'compare', text: 'Compare with…' },
                { id: 'baseline', text: base === run ? 'Clear baseline' : 'Set as baseline', ...lockedBy(readOnly) },
                { id: 'edit', text: 'Edit the scenario' },
                { id: 'wall', text: 'Show on a wall' },
                { id: 'delete', text: 'Delete this run', disabled: base === run, disabledReason: 'It is the baseline: clear that first.', ...lockedBy(readOnly) },
              ]}
              onItemClick={({ detail }) => {
                if (detail.id === 'compare') go(to(['scenarios', test, 'compare'], { run, with: base === run ? '' : base }));
                if (detail.id === 'edit') go(to(['scenarios', test, 'edit']));
                if (detail.id === 'wall') go(to(['scenarios', test, 'runs', run], { wall: '1' }));
                if (detail.id === 'baseline')
                  setBase.mutate(undefined, {
                    onSuccess: () => flash('success', base === run ? 'The baseline is cleared.' : `Run ${run} is the baseline: later runs are compared with it.`),
                    onError: flashError('The baseline was not changed'),
                  });
                if (detail.id === 'delete' && window.confirm(`Delete run ${run} with its results?`))
                  remove.mutate(undefined, { onSuccess: () => go(to(['scenarios', test])), onError: flashError('The run was not deleted') });
              }}
            >
              More
            </ButtonDropdown>
            <ChangeButton
              variant="primary"
              loading={again.isPending}
              disabled={isActive(scenario?.status)}
              disabledReason="A run of this scenario is in progress."
              onClick={() =>
                again.mutate(undefined, {
                  onSuccess: (started) => go(to(['scenarios', test, 'runs', started], { new: '1' })),
                  onError: flashError('The run was not started'),
                })
              }
            >
              Run again
            </ChangeButton>
          </SpaceBetween>
        )
      }
    >
      <Inert>{record.testName || test}</Inert>
    </Header>
  );
}
