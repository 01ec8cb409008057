// How hard: users or arrivals, steady or in stages, with the curve redrawn as one types.
import Button from '@cloudscape-design/components/button';
import ColumnLayout from '@cloudscape-design/components/column-layout';
import Container from '@cloudscape-design/components/container';
import FormField from '@cloudscape-design/components/form-field';
import Header from '@cloudscape-design/components/header';
import Input from '@cloudscape-design/components/input';
import SpaceBetween from '@cloudscape-design/components/space-between';
import { Info } from '../../app/Info';
import { ChartFrame, useWidth } from '../../charts/frame';
import { plain } from '../../numbers/format';
import { offset } from '../../numbers/when';
import { faultsAt, get, set } from '../../plan/draft';
import { curve, loadInWords, number, requestsPerWalk, type Fields } from '../../plan/words';
import { Segments } from '../../ui/segments';
import { asNumber, TextField, type Part } from './common';

const PATH = ['testScenario', 'execution', 0];

export function Load({ isScript, ...part }: Part & { isScript: boolean }) {
  const { draft, change, faults } = part;
  const item = (get(draft, PATH) as Fields | undefined) ?? {};
  const tasks = ((draft['testTaskConfigs'] as Fields[] | undefined) ?? []).reduce((sum, row) => sum + (number(row['taskCount']) ?? 0), 0);
  const isOpen = item['arrivals'] !== undefined;
  const stages = Array.isArray(item['stages']) ? (item['stages'] as Fields[]) : null;
  const others = ((get(draft, ['testScenario', 'execution']) as unknown[] | undefined) ?? []).length - 1;
  const write = (next: Fields) => change(set(draft, PATH, next));
  const model = (kind: string) => {
    const rest = { ...item };
    const amount = rest['arrivals'] ?? rest['users'] ?? 10;
    delete rest['arrivals'];
    delete rest['users'];
    write({ ...rest, [kind]: amount });
  };
  const shape = (kind: string) => {
    if (kind === 'stages') {
      const target = number(item['arrivals'] ?? item['users']) ?? 10;
      const rest = { ...item };
      delete rest['ramp-up'];
      delete rest['hold-for'];
      write({ ...rest, stages: [{ target, duration: '30s' }, { target, duration: '1m' }] });
    } else {
      const rest = { ...item };
      delete rest['stages'];
      write({ ...rest, 'ramp-up': '0s', 'hold-for': '30s' });
    }
  };
  const amountPath = [...PATH, isOpen ? 'arrivals' : item['users'] === undefined && item['concurrency'] !== undefined ? 'concurrency' : 'users'];
  return (
    <Container header={<Header variant="h2" info={<Info topic="load" of="closed and open load" />} description={loadInWords(item, tasks)}>How hard</Header>}>
      <SpaceBetween size="m">
        {!isScript && <ColumnLayout columns={2}>
          <Segments label="Who sends" description={isOpen ? 'Requests are sent when they are due, whatever the target does.' : 'Each user waits for its answer: a slow target gets fewer requests.'} selected={isOpen ? 'arrivals' : 'users'} options={[{ id: 'users', text: 'Users' }, { id: 'arrivals', text: 'Arrivals' }]} choose={model} />
          <Segments label="How it goes" selected={stages ? 'stages' : 'steady'} options={[{ id: 'steady', text: 'Steady' }, { id: 'stages', text: 'Stages' }]} choose={shape} />
        </ColumnLayout>}
        {!stages && (
          <ColumnLayout columns={3}>
            <TextField {...part} path={amountPath} label={isOpen ? 'Arrivals per second' : amountPath[2] === 'concurrency' ? 'Users of each runner' : 'Users'} {...(amountPath[2] === 'concurrency' ? {} : { description: 'Over all runners.' })} type="number" read={asNumber} />
            <TextField {...part} path={[...PATH, 'ramp-up']} label="Rises for" description="Like 30s or 5m." />
            <TextField {...part} path={[...PATH, 'hold-for']} label="Then holds for" description="Like 30s, 5m or 2h." />
          </ColumnLayout>
        )}
        {stages && (
          <FormField label="Stages" description={`Straight from one ${isOpen ? 'rate' : 'number of users'} to the next, from 0 on.`} errorText={faultsAt(faults, [...PATH, 'stages'])} stretch>
            <SpaceBetween size="xs">
              {stages.map((stage, at) => (
                <SpaceBetween key={at} direction="horizontal" size="xs" alignItems="center">
                  <span>to</span>
                  <div className="brief"><Input ariaLabel={`Target of stage ${at + 1}`} value={String(stage['target'] ?? '')} onChange={({ detail }) => change(set(draft, [...PATH, 'stages', at, 'target'], asNumber(detail.value) ?? ''))} /></div>
                  <span>in</span>
                  <div className="brief"><Input ariaLabel={`Duration of stage ${at + 1}`} value={String(stage['duration'] ?? '')} onChange={({ detail }) => change(set(draft, [...PATH, 'stages', at, 'duration'], detail.value))} /></div>
                  <Button variant="icon" iconName="remove" ariaLabel={`Remove stage ${at + 1}`} disabled={stages.length === 1} onClick={() => change(set(draft, [...PATH, 'stages', at], undefined))} />
                </SpaceBetween>
              ))}
              <Button onClick={() => change(set(draft, [...PATH, 'stages', stages.length], { target: stages.at(-1)?.['target'] ?? 10, duration: '1m' }))}>Add stage</Button>
            </SpaceBetween>
          </FormField>
        )}
        <Preview item={item} tasks={tasks} perWalk={requestsPerWalk(get(draft, ['testScenario']) as Fields)} />
        {others > 0 && <span className="muted">{others} more {others === 1 ? 'item runs' : 'items run'} beside this one: see the YAML view.</span>}
      </SpaceBetween>
    </Container>
  );
}

const HEIGHT = 130;
const LEFT = 56;
const BOTTOM = 22;

function Preview({ item, tasks, perWalk }: { item: Fields; tasks: number; perWalk: number | undefined }) {
  const [holder, width] = useWidth<HTMLDivElement>();
  const { points, isOpen } = curve(item, tasks);
  const factor = isOpen ? (perWalk ?? 1) : 1;
  const last = points.at(-1)?.[0] ?? 0;
  const most = Math.max(...points.map((point) => point[1] * factor), 1);
  const x = (second: number) => LEFT + (second / Math.max(1, last)) * (width - LEFT - 14);
  const y = (value: number) => 8 + (1 - value / (most * 1.1)) * (HEIGHT - 8 - BOTTOM);
  const path = points.map(([at, value], n) => `${n === 0 ? 'M' : 'L'}${x(at)} ${y(value * factor)}`).join('');
  const what = isOpen ? (perWalk === undefined ? 'arrivals per second' : 'requests per second') : 'users';
  return (
    <ChartFrame title={`What is planned: ${what}`} note={isOpen && (perWalk ?? 1) > 1 ? `each arrival sends ${perWalk} requests` : ''} sentence={`The plan rises to ${plain(most)} ${what} and lasts ${offset(last)}.`}>
      <div ref={holder} className="chart">
        {width > 0 && last > 0 && (
          <svg width={width} height={HEIGHT}>
            {[0, 0.5, 1].map((part) => (
              <g key={part}>
                <line x1={LEFT} x2={width - 14} y1={y(most * part)} y2={y(most * part)} stroke="var(--grid)" />
                <text x={LEFT - 6} y={y(most * part) + 4} fontSize={11} textAnchor="end" fill="var(--axis)">{plain(most * part)}</text>
              </g>
            ))}
            <path d={`${path}L${x(last)} ${y(0)}L${x(points[0]?.[0] ?? 0)} ${y(0)}Z`} fill="var(--band)" />
            <path d={path} fill="none" stroke="var(--rate)" strokeWidth={2} />
            {[0, 0.5, 1].map((part) => (
              <text key={part} x={x(last * part)} y={HEIGHT - 5} fontSize={11} textAnchor={part === 0 ? 'start' : part === 1 ? 'end' : 'middle'} fill="var(--axis)">{offset(last * part)}</text>
            ))}
          </svg>
        )}
      </div>
    </ChartFrame>
  );
}
