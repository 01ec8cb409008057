// A run's result, in the order of the questions: did it pass, can I believe it, how fast
// was it, what failed, what next. Each part stands in a file of its own.
import Alert from '@cloudscape-design/components/alert';
import Button from '@cloudscape-design/components/button';
import ButtonDropdown from '@cloudscape-design/components/button-dropdown';
import Container from '@cloudscape-design/components/container';
import ContentLayout from '@cloudscape-design/components/content-layout';
import ExpandableSection from '@cloudscape-design/components/expandable-section';
import Header from '@cloudscape-design/components/header';
import SpaceBetween from '@cloudscape-design/components/space-between';
import { useMemo } from 'react';
import { ApiError } from '../../api/client';
import { calls, paths, useArtifacts, useBaseline, useChange, useComparison, useTimeline } from '../../api/queries';
import { isActive, type Reason, type RunRecord, type ScenarioRecord } from '../../api/types';
import { flash, flashError } from '../../app/flash';
import { go, to, usePlace } from '../../app/router';
import AccountBar from '../../charts/AccountBar';
import RunCharts from '../../charts/RunCharts';
import { useZoom } from '../../charts/zoom';
import { startAgain } from '../../plan/start';
import { bytes, duration, rate } from '../../numbers/format';
import { RunSeconds } from '../../numbers/seconds';
import { standing } from '../../numbers/standing';
import { offset } from '../../numbers/when';
import { lengthOf, planInWords, requestsPerWalk, type Fields } from '../../plan/words';
import { Empty, Failed, Figure, Inert, Loading, To, When } from '../../ui/parts';
import { Saved } from '../../app/Saved';
import { Outcome, TrustWord } from '../../ui/words';
import { Errors } from './Errors';
import { GeneratorFacts } from './Generator';
import { Labels } from './Labels';
import { Shapes } from './Shapes';
import { Thresholds } from './Thresholds';

export default function Result({ test, record, scenario }: { test: string; record: RunRecord; scenario: ScenarioRecord | null }) {
  const run = record.testRunId;
  const baseline = useBaseline(test);
  const base = baseline.data?.baselineId ?? '';
  const comparison = useComparison(test, run, base === run ? '' : base);
  const timeline = useTimeline(test, run);
  const zoom = useZoom();
  const seconds = useMemo(() => (timeline.data ? new RunSeconds().store(timeline.data) : null), [timeline.data]);
  const plan = record.testScenario as Fields | undefined;
  const { summary, outcome, verdict, account } = record;
  const total = summary?.total;
  const loaded = (summary?.loaded_us ?? 0) / 1e6;
  const perArrival = record.load?.model === 'open' ? requestsPerWalk(plan) : undefined;
  return (
    <ContentLayout header={<Head test={test} record={record} scenario={scenario} base={base} />}>
      <SpaceBetween size="l">
        <Container>
          <SpaceBetween size="m">
            <div className="sentence">
              {standing({
                word: outcome?.word,
                trust: verdict?.trust,
                p95Us: total?.p95_us,
                ok: total?.ok,
                failed: total?.failed,
                status: record.status,
              })}
            </div>
            {(outcome?.reason ?? record.errorReason) && <Inert most={2000}>{outcome?.reason ?? record.errorReason ?? ''}</Inert>}
            <SpaceBetween direction="horizontal" size="l">
              <Outcome word={outcome?.word} status={record.status} />
              <TrustWord trust={verdict?.trust} />
              {comparison.data && <AgainstBaseline test={test} run={run} base={base} word={comparison.data.verdict} />}
            </SpaceBetween>
            {total && (
              <dl className="figures">
                <Figure name="Rate" title="finished requests per second of the time in which load was made">
                  {rate(loaded > 0 ? total.count / loaded : null)}
                </Figure>
                <Figure name="Load lasted">{duration(loaded)}</Figure>
                <Figure name="Received" title={`${total.bytes_received} bytes`}>{bytes(total.bytes_received)}</Figure>
                <Figure name="Started">
                  <small>
                    <When stamp={record.startTime} />
                  </small>
                </Figure>
              </dl>
            )}
            <Reasons reasons={verdict?.reasons ?? []} zoom={zoom.set} />
            {record.coverage && !record.coverage.complete && (
              <Alert type="warning" header="Parts of the run are missing">
                {record.coverage.runners_reported} of {record.coverage.runners_expected} runners reported
                {record.coverage.missing.length > 0 && <>; without a report: {record.coverage.missing.join(', ')}</>}.
                {record.coverage.missing_intervals > 0 && ` ${record.coverage.missing_intervals} seconds of runners are missing.`}
              </Alert>
            )}
            {(record.warnings ?? []).map((warning) => (
              <Alert key={warning} type="info">
                <Inert most={2000}>{warning}</Inert>
              </Alert>
            ))}
          </SpaceBetween>
        </Container>
        <Thresholds results={outcome?.thresholds ?? []} />
        {account && (
          <Container header={<Header variant="h2" description="Every one is accounted for.">Requests</Header>}>
            <AccountBar account={account} />
          </Container>
        )}
        {summary && <Labels test={test} run={run} summary={summary} comparison={comparison.data} results={record.results} timeline={timeline.data} />}
        <Container header={<Header variant="h2">Over time</Header>}>
          {timeline.error instanceof ApiError && timeline.error.status === 404 ? (
            <Empty title="No second of this run was kept." next={<span>It ended before its first ten seconds were over, or its runners left none.</span>} />
          ) : timeline.error ? (
            <Failed error={timeline.error} what="The timeline" again={() => void timeline.refetch()} />
          ) : !seconds ? (
            <Loading what="the timeline" />
          ) : (
            <RunCharts seconds={seconds} load={record.load} zoom={zoom} together={`run-${run}`} marks={marksOf(verdict?.reasons ?? [])} heatmap perArrival={perArrival} />
          )}
        </Container>
        {total && total.count > 0 && summary && <Shapes test={test} run={run} base={base === run ? '' : base} summary={summary} thresholds={outcome?.thresholds ?? []} />}
        <Errors errors={record.errors ?? []} total={total?.count ?? 0} />
        <GeneratorFacts record={record} />
        <Container header={<Header variant="h2" description={planInWords(plan, record.testTaskConfigs ?? [])}>Plan as it ran</Header>}>
          <ExpandableSection headerText={`All of it, ${duration(lengthOf(plan))} of load`}>
            <pre className="mono" tabIndex={0}>{JSON.stringify(plan, null, 2)}</pre>
          </ExpandableSection>
        </Container>
        <Artifacts test={test} run={run} />
      </SpaceBetween>
    </ContentLayout>
  );
}

function Head({ test, record, scenario, base }: { test: string; record: RunRecord; scenario: ScenarioRecord | null; base: string }) {
  const run = record.testRunId;
  const setBase = useChange(() => (base === run ? calls.clearBaseline(test) : calls.setBaseline(test, run)));
  const remove = useChange(() => calls.removeRuns(test, [run]));
  const again = useChange(() => startAgain(test));
  const isWall = usePlace().query.get('wall') === '1';
  return (
    <Header
      variant="h1"
      description={<>Run {run} of scenario <To href={to(['scenarios', test])}>{test}</To>{base === run && ' · the baseline'}</>}
      actions={
        !isWall && (
          <SpaceBetween direction="horizontal" size="xs">
            <ButtonDropdown
              items={[
                { id: 'compare', text: 'Compare with…' },
                { id: 'baseline', text: base === run ? 'Clear baseline' : 'Set as baseline' },
                { id: 'edit', text: 'Edit the scenario' },
                { id: 'wall', text: 'Show on a wall' },
                { id: 'delete', text: 'Delete this run', disabled: base === run, disabledReason: 'It is the baseline: clear that first.' },
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
            <Button
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
            </Button>
          </SpaceBetween>
        )
      }
    >
      <Inert>{record.testName || test}</Inert>
    </Header>
  );
}

function AgainstBaseline({ test, run, base, word }: { test: string; run: string; base: string; word: string }) {
  const said = word === 'incomparable' ? 'cannot be compared with' : word === 'cannot_tell' ? 'cannot tell against' : `${word.replaceAll('_', ' ')} ${word === 'same' ? 'as' : 'than'}`;
  return <To href={to(['scenarios', test, 'compare'], { run, with: base })}>{said} the baseline</To>;
}

function Reasons({ reasons, zoom }: { reasons: Reason[]; zoom: (from?: number, to?: number) => void }) {
  if (reasons.length === 0) return null;
  return (
    <Alert type={reasons.some((reason) => reason.trust === 'untrusted') ? 'error' : 'warning'} header="Why the numbers are not fully trusted">
      <ul style={{ margin: 0, paddingLeft: 18 }}>
        {reasons.map((reason) => (
          <li key={reason.code}>
            <b>{reason.code}</b>: <Inert most={2000}>{reason.message}</Inert>
            {reason.runners && reason.runners.length > 0 && <span className="muted"> ({reason.runners.slice(0, 10).join(', ')})</span>}{' '}
            {reason.from_s !== undefined && (
              <Button variant="inline-link" onClick={() => zoom(reason.from_s, (reason.to_s ?? reason.from_s ?? 0) + 1)}>
                Show {offset(reason.from_s)} to {offset((reason.to_s ?? reason.from_s) + 1)}
              </Button>
            )}
          </li>
        ))}
      </ul>
    </Alert>
  );
}

function marksOf(reasons: Reason[]) {
  return reasons.flatMap((reason) =>
    reason.from_s === undefined ? [] : [{ from: reason.from_s, to: (reason.to_s ?? reason.from_s) + 1, text: reason.code, color: '--warn' }],
  );
}

function Artifacts({ test, run }: { test: string; run: string }) {
  const artifacts = useArtifacts(test, run);
  return (
    <Container header={<Header variant="h2">Files</Header>}>
      {artifacts.error ? (
        <Failed error={artifacts.error} what="The list of files" />
      ) : (
        <table className="plain">
          <tbody>
            {(artifacts.data ?? []).map((file) => (
              <tr key={file.key}>
                <td>
                  <Saved path={paths.artifacts(test, run)} query={{ name: file.name }} name={file.name} />
                </td>
                <td className="num" title={`${file.bytes} bytes`}>{bytes(file.bytes)}</td>
              </tr>
            ))}
            <tr>
              <td>
                <Saved path={paths.run(test, run)} name={`${run}.json`} /> <span className="muted">the whole record</span>
              </td>
              <td />
            </tr>
          </tbody>
        </table>
      )}
    </Container>
  );
}
