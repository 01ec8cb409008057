// Two to five runs held against each other: is anything worse, how sure is that, and
// where. The newest of the chosen runs is judged against each other one; what is real
// and what matters is the API's word.
import Alert from '@cloudscape-design/components/alert';
import ColumnLayout from '@cloudscape-design/components/column-layout';
import Container from '@cloudscape-design/components/container';
import ContentLayout from '@cloudscape-design/components/content-layout';
import ExpandableSection from '@cloudscape-design/components/expandable-section';
import FormField from '@cloudscape-design/components/form-field';
import Header from '@cloudscape-design/components/header';
import Multiselect from '@cloudscape-design/components/multiselect';
import Select from '@cloudscape-design/components/select';
import SpaceBetween from '@cloudscape-design/components/space-between';
import { useQueries } from '@tanstack/react-query';
import { useMemo } from 'react';
import { ask, seg } from '../api/client';
import { useBaseline, useComparison, useRuns, useScenario } from '../api/queries';
import { useOverviews } from '../api/timelines';
import type { Comparison, HistogramAnswer, MetricChange, RunRow, Timeline } from '../api/types';
import { Info } from '../app/Info';
import { to, useQueryParam } from '../app/router';
import Forest, { type ForestRow } from '../charts/Forest';
import { Spectrum } from '../charts/Shapes';
import TimeChart from '../charts/TimeChart';
import { useZoom } from '../charts/zoom';
import { near, percent, rate, time } from '../numbers/format';
import { fromStamp, short } from '../numbers/when';
import { endOf, stepFor, stretchesOf } from '../numbers/window';
import { Empty, Failed, Inert, Loading, To } from '../ui/parts';
import { ChangeWord } from '../ui/words';

const COLORS = ['var(--p95)', 'var(--base)', '#b45309', '#7a5ea8', '#0f7b6c'];
const PLOT_COLORS = ['--p95', '--base', '#b45309', '#7a5ea8', '#0f7b6c'];
const MOST_OTHERS = 4;
/** Points of the chart over time. */
const MOST_POINTS = 300;

export default function Compare({ test }: { test: string }) {
  const scenario = useScenario(test);
  const runs = useRuns(test, 100);
  const baseline = useBaseline(test);
  const [runParam, setRun] = useQueryParam('run');
  const [withParam, setWith] = useQueryParam('with');
  if (runs.error && !runs.data) return <Failed error={runs.error} what="The runs" again={() => void runs.refetch()} />;
  if (!runs.data || baseline.isPending) return <Loading what="runs" />;
  const rows = runs.data.testRuns.filter((run) => run.endTime);
  const run = runParam || rows[0]?.testRunId || '';
  const fallback = baseline.data?.baselineId && baseline.data.baselineId !== run ? baseline.data.baselineId : rows.find((row) => row.testRunId !== run)?.testRunId;
  const others = (withParam ? withParam.split(',') : fallback ? [fallback] : []).filter((id) => id !== run).slice(0, MOST_OTHERS);
  const option = (row: RunRow) => ({
    value: row.testRunId,
    label: `${short(fromStamp(row.startTime) ?? new Date(0))} · ${row.outcome?.word ?? row.status} · ${row.testRunId.slice(0, 4)}`,
    description: `${row.testRunId}${row.testRunId === baseline.data?.baselineId ? ', the baseline' : ''}, p95 ${time(row.ok_times?.p95_us)}`,
  });
  const options = rows.map(option);
  const chosen = (id: string) => options.find((one) => one.value === id) ?? { value: id, label: id };
  return (
    <ContentLayout header={<Header variant="h1" info={<Info topic="compare" of="comparisons" />} description={<>Runs of scenario <To href={to(['scenarios', test])}>{test}</To></>}>Compare <Inert>{scenario.data?.testName ?? test}</Inert></Header>}>
      <SpaceBetween size="l">
        <Container>
          <ColumnLayout columns={2}>
            <FormField label="This run" description="It is judged.">
              <Select selectedOption={run ? chosen(run) : null} options={options} onChange={({ detail }) => setRun(detail.selectedOption.value ?? '')} placeholder="Choose a run" />
            </FormField>
            <FormField label="Against" description="One run or up to four; the first is the one that is judged against.">
              <Multiselect
                selectedOptions={others.map(chosen)}
                options={options.filter((one) => one.value !== run)}
                onChange={({ detail }) => setWith(detail.selectedOptions.slice(0, MOST_OTHERS).map((one) => one.value).join(','))}
                placeholder="Choose runs"
                deselectAriaLabel={(one) => `Remove ${one.label}`}
              />
            </FormField>
          </ColumnLayout>
        </Container>
        {others.length === 0 || !run ? (
          <Empty title="Two runs are needed to compare." next={<To href={to(['scenarios', test])}>Run the scenario again</To>} />
        ) : (
          <SpaceBetween size="l">
            {others.map((other) => (
              <Judged key={other} test={test} run={run} other={other} isFirst={other === others[0]} name={chosen(other).label} />
            ))}
            <Overlaid test={test} runs={[run, ...others]} names={[run, ...others].map((id) => chosen(id).label)} length={longest(rows.filter((row) => row.testRunId === run || others.includes(row.testRunId)))} />
          </SpaceBetween>
        )}
      </SpaceBetween>
    </ContentLayout>
  );
}

const ASKED: [keyof Comparison['comparability'], string][] = [
  ['same_load', 'load'],
  ['same_regions', 'regions'],
  ['same_tasks', 'runners'],
  ['same_plan', 'requests'],
  ['same_times', 'kind of times'],
  ['complete', 'complete'],
  ['trusted', 'not untrusted'],
];

const VERDICTS: Record<string, string> = {
  worse: 'Worse: something got worse.',
  better: 'Better: something improved, and nothing got worse.',
  changed_but_small: 'Changed, but by less than matters.',
  same: 'The same.',
  cannot_tell: 'It cannot be told: too little is known.',
  incomparable: 'These runs cannot be compared.',
};

function Judged({ test, run, other, isFirst, name }: { test: string; run: string; other: string; isFirst: boolean; name: string }) {
  const comparison = useComparison(test, run, other);
  const { data } = comparison;
  const rows = useMemo(() => (data ? forestRows(data) : null), [data]);
  if (comparison.error) return <Failed error={comparison.error} what={`The comparison with ${other}`} again={() => void comparison.refetch()} />;
  if (!data || !rows) return <Loading what="the comparison" />;
  const differs = ASKED.filter(([key]) => !data.comparability[key]).map(([, what]) => what);
  const body = (
    <SpaceBetween size="m">
      <SpaceBetween direction="horizontal" size="m">
        <span className="sentence">{VERDICTS[data.verdict] ?? data.verdict}</span>
        <ChangeWord change={data.verdict} />
      </SpaceBetween>
      {data.reasons.length > 0 && (
        <ul style={{ margin: 0 }}>
          {data.reasons.map((reason) => (
            <li key={reason}><Inert most={2000}>{reason}</Inert></li>
          ))}
        </ul>
      )}
      {differs.length > 0 && <Alert type="warning" header="What was asked first does not hold">{differs.join(', ')}</Alert>}
      {data.notes.map((note) => (
        <Alert key={note} type="info"><Inert most={2000}>{note}</Inert></Alert>
      ))}
      {rows.percent.length > 0 && <Forest title="Times and rates" unit="%" small={data.thresholds.relative_pct} rows={rows.percent} />}
      {rows.points.length > 0 && <Forest title="Error rates" unit="pp" small={data.thresholds.error_points} rows={rows.points} />}
      {(data.added.length > 0 || data.removed.length > 0) && (
        <div>
          {data.added.length > 0 && <div>Only in this run: <Inert>{data.added.slice(0, 20).join(', ')}</Inert></div>}
          {data.removed.length > 0 && <div>Only in the other: <Inert>{data.removed.slice(0, 20).join(', ')}</Inert></div>}
        </div>
      )}
      {data.inconclusive.length > 0 && <div className="muted">Nothing can be told of: <Inert>{data.inconclusive.slice(0, 20).join(', ')}</Inert></div>}
    </SpaceBetween>
  );
  const title = `Against ${name}`;
  return (
    <Container header={<Header variant="h2" description={<>Run <To href={to(['scenarios', test, 'runs', run])}>{run}</To> against <To href={to(['scenarios', test, 'runs', other])}>{other}</To></>}>{title}</Header>}>
      {isFirst ? body : <ExpandableSection headerText={VERDICTS[data.verdict] ?? data.verdict}>{body}</ExpandableSection>}
    </Container>
  );
}

const ORDER = ['worse', 'better', 'changed_but_small', 'cannot_tell', 'same'];
const MOST_LABELS = 40;

function forestRows(data: Comparison): { percent: ForestRow[]; points: ForestRow[] } {
  const all = [
    ...data.totals.map((metric) => row('all requests', metric)),
    ...[...data.labels]
      .sort((a, b) => ORDER.indexOf(a.change) - ORDER.indexOf(b.change))
      .slice(0, MOST_LABELS)
      .flatMap((label) => label.metrics.filter((metric) => ['p50_us', 'p95_us', 'error_rate'].includes(metric.metric)).map((metric) => row(label.label, metric))),
  ];
  const by = (unit: string) => all.filter((one) => one.unit === unit);
  return { percent: by('%'), points: by('pp') };
}

function row(name: string, metric: MetricChange): ForestRow {
  const isShare = metric.metric === 'error_rate';
  const value = (n: number) => (isShare ? percent(n) : metric.metric === 'rate' ? rate(n) : time(n));
  const or = (n: number | undefined) => n ?? null;
  return {
    key: `${name} ${metric.metric}`,
    name,
    metric: isShare ? 'failed' : metric.metric.replace('_us', ''),
    delta: isShare ? metric.delta * 100 : or(metric.delta_pct),
    low: isShare ? (metric.low === undefined ? null : metric.low * 100) : or(metric.low_pct),
    high: isShare ? (metric.high === undefined ? null : metric.high * 100) : or(metric.high_pct),
    unit: isShare ? 'pp' : '%',
    change: metric.change,
    values: `${value(metric.base)} → ${value(metric.candidate)}`,
    why: metric.why,
  };
}

interface Chosen {
  test: string;
  runs: string[];
  names: string[];
  /** Of the longest, s. */
  length: number;
}

function Overlaid({ test, runs, names, length }: Chosen) {
  const histograms = useQueries({
    queries: runs.map((run) => ({
      queryKey: ['histogram', test, run, { of: 'ok' }],
      queryFn: () => ask<HistogramAnswer>(`/scenarios/${seg(test)}/testruns/${seg(run)}/histogram`, { query: { of: 'ok' } }),
      staleTime: Infinity,
    })),
  });
  const shapes = histograms.flatMap((one, at) => (one.data && one.data.distribution.count > 0 ? [{ name: names[at] ?? '', color: COLORS[at] ?? 'var(--axis)', answer: one.data }] : []));
  return (
    <Container header={<Header variant="h2">Over each other</Header>}>
      <SpaceBetween size="m">
        <div className="legend" style={{ fontSize: 13 }}>
          {names.map((name, at) => (
            <span key={runs[at]}>
              <i style={{ borderTopColor: COLORS[at] }} />
              {at === 0 ? `this run: ${name}` : name}
            </span>
          ))}
        </div>
        <ColumnLayout columns={2} minColumnWidth={340}>
          {shapes.length > 0 ? <Spectrum shapes={shapes} of="ok answers" /> : <Loading what="histograms" />}
          <Aligned test={test} runs={runs} names={names} length={length} />
        </ColumnLayout>
      </SpaceBetween>
    </Container>
  );
}

/** How long the longest took, s: with its start and end, so at least as long as its load. */
function longest(rows: RunRow[]): number {
  const length = ({ startTime, endTime }: RunRow) => ((fromStamp(endTime)?.getTime() ?? 0) - (fromStamp(startTime)?.getTime() ?? 0)) / 1_000;
  return Math.max(1, ...rows.map(length));
}

/** The p95 of each run over its time, aligned at the start. */
function Aligned({ test, runs, names, length }: Chosen) {
  const zoom = useZoom();
  const step = stepFor(length, MOST_POINTS);
  const timelines = useOverviews(test, runs, step);
  const made = useMemo(() => columnsOf(timelines, step), [timelines, step]);
  const lines = runs.map((run, at) => ({ label: at === 0 ? 'this run' : (names[at] ?? run), values: made.columns[at] ?? [], color: PLOT_COLORS[at] ?? '--axis' }));
  return (
    <TimeChart
      title="p95 over time, aligned at the start"
      note="logarithmic; of ok answers, known to two digits"
      sentence={`p95 over time of ${runs.length} runs.`}
      xs={made.xs}
      lines={lines}
      log
      show={near}
      together={`compare-${test}`}
      zoom={zoom}
    />
  );
}

/** The p95 of each timeline by the same stretches. */
function columnsOf(timelines: (Timeline | undefined)[], step: number) {
  const parts = timelines.map((timeline) => (timeline ? stretchesOf(timeline.total, step, timeline.end_s) : []));
  const xs = Array.from({ length: Math.ceil(Math.max(0, ...parts.map(endOf)) / step) }, (_, at) => at * step);
  const columns = parts.map((part) => {
    const found = new Map(part.map((one) => [one.from, one.latency.quantile(0.95)]));
    return xs.map((x) => found.get(x) ?? null);
  });
  return { xs, columns };
}
