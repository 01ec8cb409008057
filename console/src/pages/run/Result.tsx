// A run's result, in the order of the questions: did it pass, can I believe it, how fast
// was it, what failed, what next. Each part stands in a file of its own.
import Alert from '@cloudscape-design/components/alert';
import Button from '@cloudscape-design/components/button';
import Container from '@cloudscape-design/components/container';
import ContentLayout from '@cloudscape-design/components/content-layout';
import ExpandableSection from '@cloudscape-design/components/expandable-section';
import Header from '@cloudscape-design/components/header';
import SpaceBetween from '@cloudscape-design/components/space-between';
import { memo, useMemo } from 'react';
import { paths, useArtifacts, useBaseline, useComparison } from '../../api/queries';
import type { Reason, RunRecord, ScenarioRecord } from '../../api/types';
import { Info } from '../../app/Info';
import { replaceQuery, to } from '../../app/router';
import { Saved } from '../../app/Saved';
import AccountBar from '../../charts/AccountBar';
import { marksOfReasons } from '../../charts/marks';
import { bytes, duration, rate } from '../../numbers/format';
import { onceSentence } from '../../numbers/once';
import { standing } from '../../numbers/standing';
import { offset } from '../../numbers/when';
import { lengthOf, planInWords, type Fields } from '../../plan/words';
import { Failed, Figure, Inert, To, When } from '../../ui/parts';
import { Outcome, TrustWord } from '../../ui/words';
import { Errors } from './Errors';
import { GeneratorFacts } from './Generator';
import { Head } from './Head';
import { Labels } from './Labels';
import { Note } from './Note';
import { OverTime } from './OverTime';
import { Shapes } from './Shapes';
import { Thresholds } from './Thresholds';
import { Transactions } from './Transactions';

/** Drawn again when the run or its scenario changes, and not when one zooms. */
export default memo(function Result({ test, record, scenario }: { test: string; record: RunRecord; scenario: ScenarioRecord | null }) {
  const run = record.testRunId;
  const { summary, outcome, verdict, account } = record;
  const baseline = useBaseline(test);
  const base = baseline.data?.baselineId ?? '';
  const comparison = useComparison(test, run, base === run ? '' : base);
  const marks = useMemo(() => marksOfReasons(verdict?.reasons), [verdict]);
  const plan = record.testScenario as Fields | undefined;
  const total = summary?.total;
  const loaded = (summary?.loaded_us ?? 0) / 1e6;
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
              <span><TrustWord trust={verdict?.trust} /> <Info topic="trust" of="trust" /></span>
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
            <Note test={test} record={record} />
            <Reasons reasons={verdict?.reasons ?? []} />
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
          <Container header={<Header variant="h2" info={<Info topic="account" of="the account" />} description="Every one is accounted for.">Requests</Header>}>
            <AccountBar account={account} />
            <Once record={record} />
          </Container>
        )}
        {!account && <Once record={record} />}
        {summary && <Labels test={test} record={record} summary={summary} comparison={comparison.data} />}
        {summary && <Transactions summary={summary} />}
        <OverTime test={test} record={record} marks={marks} />
        {total && total.count > 0 && summary && <Shapes test={test} run={run} base={base === run ? '' : base} summary={summary} thresholds={outcome?.thresholds ?? []} />}
        <Errors test={test} record={record} />
        <GeneratorFacts test={test} record={record} />
        <Container header={<Header variant="h2" description={planInWords(plan, record.testTaskConfigs ?? [])}>Plan as it ran</Header>}>
          <ExpandableSection headerText={`All of it, ${duration(lengthOf(plan))} of load`}>
            <pre className="mono" tabIndex={0}>{JSON.stringify(plan, null, 2)}</pre>
          </ExpandableSection>
        </Container>
        <Artifacts test={test} run={run} />
      </SpaceBetween>
    </ContentLayout>
  );
});

/** What was requested once, before and after the load. */
function Once({ record }: { record: RunRecord }) {
  const once = onceSentence(record);
  return once && <p className="muted">{once.text}{once.failures.map((why) => <span key={why}> <Inert most={2000}>{why}</Inert></span>)}</p>;
}

function AgainstBaseline({ test, run, base, word }: { test: string; run: string; base: string; word: string }) {
  const said = word === 'incomparable' ? 'cannot be compared with' : word === 'cannot_tell' ? 'cannot tell against' : `${word.replaceAll('_', ' ')} ${word === 'same' ? 'as' : 'than'}`;
  return <To href={to(['scenarios', test, 'compare'], { run, with: base })}>{said} the baseline</To>;
}

function Reasons({ reasons }: { reasons: Reason[] }) {
  if (reasons.length === 0) return null;
  return (
    <Alert type={reasons.some((reason) => reason.trust === 'untrusted') ? 'error' : 'warning'} header="Why the numbers are not fully trusted">
      <ul style={{ margin: 0, paddingLeft: 18 }}>
        {reasons.map((reason) => (
          <li key={reason.code}>
            <b>{reason.code}</b>: <Inert most={2000}>{reason.message}</Inert>
            {reason.runners && reason.runners.length > 0 && <span className="muted"> ({reason.runners.slice(0, 10).join(', ')})</span>}{' '}
            {reason.from_s !== undefined && (
              <Button variant="inline-link" onClick={() => replaceQuery({ from: String(reason.from_s), to: String((reason.to_s ?? reason.from_s ?? 0) + 1) })}>
                Show {offset(reason.from_s)} to {offset((reason.to_s ?? reason.from_s) + 1)}
              </Button>
            )}
          </li>
        ))}
      </ul>
    </Alert>
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
