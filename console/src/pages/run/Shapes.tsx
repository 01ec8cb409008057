// The distribution and the percentile spectrum of a run: of all requests, a label or a
// region, of ok or failed answers, with the baseline beside.
import Alert from '@cloudscape-design/components/alert';
import ColumnLayout from '@cloudscape-design/components/column-layout';
import Container from '@cloudscape-design/components/container';
import Header from '@cloudscape-design/components/header';
import SegmentedControl from '@cloudscape-design/components/segmented-control';
import Select from '@cloudscape-design/components/select';
import SpaceBetween from '@cloudscape-design/components/space-between';
import { useState } from 'react';
import { useHistogram } from '../../api/queries';
import type { Blocks, RunRecord } from '../../api/types';
import { Distribution, Spectrum, type Shape } from '../../charts/Shapes';
import { limitOf } from '../../numbers/threshold';
import { bounded, Empty, Failed, Loading } from '../../ui/parts';

interface Props {
  test: string;
  run: string;
  base: string;
  summary: Blocks;
  thresholds: NonNullable<RunRecord['outcome']>['thresholds'];
}

export function Shapes({ test, run, base, summary, thresholds }: Props) {
  const [of, setOf] = useState(summary.total.ok > 0 ? 'ok' : 'all');
  const [what, setWhat] = useState({ label: 'all requests', value: '' });
  const query = {
    of,
    ...(what.value.startsWith('label ') ? { label: what.value.slice(6) } : {}),
    ...(what.value.startsWith('region ') ? { region: what.value.slice(7) } : {}),
  };
  const mine = useHistogram(test, run, query);
  const before = useHistogram(test, base, query, base !== '');
  const options = [
    { label: 'all requests', value: '' },
    ...Object.keys(summary.regions).map((name) => ({ label: `in ${name}`, value: `region ${name}` })),
    ...summary.labels.slice(0, 500).map((block) => ({ label: bounded(block.label ?? '', 120), value: `label ${block.label ?? ''}` })),
  ];
  const shapes: Shape[] = mine.data ? [{ name: 'this run', color: 'var(--p95)', answer: mine.data }] : [];
  if (mine.data && before.data && before.data.distribution.count > 0) shapes.push({ name: 'baseline', color: 'var(--base)', answer: before.data });
  const limits = thresholds.flatMap((row) => {
    const limit = limitOf(row.expression);
    const isHere = limit?.label === query.label && !query.region;
    return limit?.percentile && isHere ? [{ us: limit.value, text: row.expression }] : [];
  });
  const kind = mine.data?.of === 'ok' ? 'ok answers' : mine.data?.of === 'failed' ? 'failed requests' : 'all requests';
  return (
    <Container
      header={
        <Header
          variant="h2"
          actions={
            <SpaceBetween direction="horizontal" size="xs" alignItems="end">
              <Select
                selectedOption={what}
                options={options}
                filteringType="auto"
                ariaLabel="Which requests"
                onChange={({ detail }) => setWhat({ label: detail.selectedOption.label ?? '', value: detail.selectedOption.value ?? '' })}
              />
              {summary.total.failed > 0 && (
                <SegmentedControl
                  label="Which answers"
                  selectedId={of}
                  options={[
                    { id: 'ok', text: 'ok' },
                    { id: 'failed', text: 'failed' },
                    { id: 'all', text: 'all' },
                  ]}
                  onChange={({ detail }) => setOf(detail.selectedId)}
                />
              )}
            </SpaceBetween>
          }
        >
          Shape of response times
        </Header>
      }
    >
      {mine.error ? (
        <Failed error={mine.error} what="The histogram" again={() => void mine.refetch()} />
      ) : !mine.data ? (
        <Loading what="the histogram" />
      ) : mine.data.distribution.count === 0 ? (
        <Empty title={`There are no ${kind} here.`} next={<span>Choose other requests or answers above.</span>} />
      ) : (
        <SpaceBetween size="s">
          {mine.data.over_hour > 0 && <Alert type="warning">{mine.data.over_hour} took longer than an hour; they are counted apart.</Alert>}
          <ColumnLayout columns={2} minColumnWidth={340}>
            <Distribution shapes={shapes} limits={limits} of={kind} />
            <Spectrum shapes={shapes} of={shapes.length > 1 ? `${kind}; grey: the baseline` : kind} />
          </ColumnLayout>
        </SpaceBetween>
      )}
    </Container>
  );
}
