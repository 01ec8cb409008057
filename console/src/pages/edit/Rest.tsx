// Where the load comes from, and what it is judged by.
import Button from '@cloudscape-design/components/button';
import Container from '@cloudscape-design/components/container';
import FormField from '@cloudscape-design/components/form-field';
import Header from '@cloudscape-design/components/header';
import Input from '@cloudscape-design/components/input';
import SpaceBetween from '@cloudscape-design/components/space-between';
import Textarea from '@cloudscape-design/components/textarea';
import { useState } from 'react';
import { useRoom, useRuns } from '../../api/queries';
import { Info } from '../../app/Info';
import { faultsAt, set } from '../../plan/draft';
import { number, type Fields } from '../../plan/words';
import { Failed, Loading } from '../../ui/parts';
import { asNumber, type Part } from './common';

export function Where({ draft, change, faults }: Part) {
  const room = useRoom();
  const tasks = (draft['testTaskConfigs'] as Fields[] | undefined) ?? [];
  if (room.error && !room.data) return <Failed error={room.error} what="The regions" />;
  if (!room.data) return <Loading what="regions" />;
  const write = (region: string, value: string) => {
    const at = tasks.findIndex((row) => row['region'] === region);
    const isNone = value === '' || value === '0';
    if (at < 0 && !isNone) change(set(draft, ['testTaskConfigs', tasks.length], { region, taskCount: asNumber(value), concurrency: 1 }));
    if (at >= 0) change(set(draft, ['testTaskConfigs', at], isNone ? undefined : { ...tasks[at], taskCount: asNumber(value) }));
  };
  return (
    <Container header={<Header variant="h2" description="The load is dealt over all runners, whichever region they are in.">Where</Header>}>
      <SpaceBetween size="s">
        {room.data.map((row) => {
          const at = tasks.findIndex((task) => task['region'] === row.region);
          const free = row.most === undefined ? undefined : Math.max(0, row.most - (row.used ?? 0));
          const wanted = number(tasks[at]?.['taskCount']) ?? 0;
          const isOver = row.most !== undefined && wanted > row.most;
          return (
            <FormField
              key={row.region}
              label={`Runners in ${row.region}`}
              description={row.info.compatible === false ? (row.info.incompatibilityReason ?? 'not compatible') : `${free ?? '?'} of ${row.most ?? '?'} are free now`}
              errorText={at >= 0 ? faultsAt(faults, ['testTaskConfigs', at]) || (isOver ? `There is room for ${row.most}.` : '') : ''}
            >
              <Input type="number" disabled={row.info.compatible === false} value={at >= 0 ? String(tasks[at]?.['taskCount'] ?? '') : ''} placeholder="none" onChange={({ detail }) => write(row.region, detail.value)} />
            </FormField>
          );
        })}
        {tasks.length === 0 && <span className="bad">Choose at least one runner.</span>}
        {faultsAt(faults, ['testTaskConfigs'], false) && <span className="bad">{faultsAt(faults, ['testTaskConfigs'], false)}</span>}
      </SpaceBetween>
    </Container>
  );
}

export function Judge({ draft, change, faults, test }: Part & { test: string }) {
  const kept = (draft['thresholds'] as string[] | undefined) ?? [];
  const [text, setText] = useState<string>();
  const runs = useRuns(test, 5, 'edit', test !== '');
  const last = runs.data?.testRuns.find((run) => run.endTime && run.ok_times?.p95_us);
  const share = last?.requests ? (last.errors ?? 0) / last.requests : 0;
  const suggestions = last?.ok_times?.p95_us
    ? [`p(95)<${roomy(last.ok_times.p95_us / 1000)}ms`, ...(last.ok_times.p99_us ? [`p(99)<${roomy(last.ok_times.p99_us / 1000)}ms`] : []), `error_rate<${share > 0.005 ? Math.ceil(share * 120) : 1}%`]
    : ['p(95)<500ms', 'error_rate<1%'];
  const add = (one: string) => change(set(draft, ['thresholds'], [...kept, one]));
  return (
    <Container header={<Header variant="h2" info={<Info topic="thresholds" of="thresholds" />} description="Without a threshold a run ends as “finished”: nothing says whether it passed.">Judge by</Header>}>
      <SpaceBetween size="s">
        <FormField label="Thresholds" description="One a line: p(95)<200ms, error_rate<1%, rate>500/s. A label before a colon: login: p(99)<1s." errorText={faultsAt(faults, ['thresholds'])} stretch>
          <Textarea
            value={text ?? kept.join('\n')}
            rows={Math.max(2, kept.length)}
            spellcheck={false}
            onChange={({ detail }) => {
              setText(detail.value);
              change(set(draft, ['thresholds'], detail.value.split('\n').map((line) => line.trim()).filter(Boolean)));
            }}
            onBlur={() => setText(undefined)}
          />
        </FormField>
        <SpaceBetween direction="horizontal" size="xs">
          <span className="muted">{last ? 'From the last run, with some air:' : 'Often asked:'}</span>
          {suggestions.filter((one) => !kept.includes(one)).map((one) => (
            <Button key={one} variant="inline-link" onClick={() => add(one)}>{one}</Button>
          ))}
        </SpaceBetween>
      </SpaceBetween>
    </Container>
  );
}

/** A fifth above, rounded up to two digits. */
function roomy(value: number): number {
  const size = 10 ** (Math.floor(Math.log10(value * 1.2)) - 1);
  return Number((Math.ceil((value * 1.2) / size) * size).toPrecision(2));
}
