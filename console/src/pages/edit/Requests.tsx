// What to request: paste a URL or a curl command, then the requests one by one. Fields of
// a request that have no place here are named and kept.
import Button from '@cloudscape-design/components/button';
import ColumnLayout from '@cloudscape-design/components/column-layout';
import Container from '@cloudscape-design/components/container';
import ExpandableSection from '@cloudscape-design/components/expandable-section';
import FormField from '@cloudscape-design/components/form-field';
import Header from '@cloudscape-design/components/header';
import Input from '@cloudscape-design/components/input';
import Select from '@cloudscape-design/components/select';
import SpaceBetween from '@cloudscape-design/components/space-between';
import Textarea from '@cloudscape-design/components/textarea';
import { useState, type ReactNode } from 'react';
import { Info } from '../../app/Info';
import { parseCurl } from '../../plan/curl';
import { faultsAt, get, set, type Path } from '../../plan/draft';
import type { Fields } from '../../plan/words';
import { bounded, Inert } from '../../ui/parts';
import { TextField, type Part } from './common';

const METHODS = ['GET', 'POST', 'PUT', 'DELETE', 'PATCH', 'HEAD', 'OPTIONS'].map((value) => ({ value, label: value }));
const KNOWN = new Set(['url', 'method', 'label', 'headers', 'body', 'think-time', 'expect-status']);

/** The scenario that the first execution item runs: what the form shows. */
export function scenarioPath(draft: Fields): Path {
  return ['testScenario', 'scenarios', String(get(draft, ['testScenario', 'execution', 0, 'scenario']) ?? 'main')];
}

export function Requests({ kinds, pasted, ...part }: Part & { pasted: string; kinds: ReactNode }) {
  const { draft, change, faults } = part;
  const path = [...scenarioPath(draft), 'requests'];
  const requests = (get(draft, path) as (Fields | string)[] | undefined) ?? [];
  const [text, setText] = useState(pasted);
  const [error, setError] = useState('');
  const [open, setOpen] = useState<number | null>(null);
  const add = () => {
    try {
      const request = parseCurl(text);
      let next = set(draft, [...path, requests.length], request);
      if (!draft['testName']) next = set(next, ['testName'], `Test of ${new URL(request.url).host}`);
      change(next);
      setText('');
      setError('');
    } catch (why) {
      setError(why instanceof Error ? why.message : String(why));
    }
  };
  const move = (at: number, by: number) => {
    const list = [...requests];
    const [one] = list.splice(at, 1);
    if (one !== undefined) list.splice(at + by, 0, one);
    change(set(draft, path, list));
    setOpen(at + by);
  };
  const others = Object.keys((get(draft, ['testScenario', 'scenarios']) as Fields | undefined) ?? {}).length - 1;
  return (
    <Container header={<Header variant="h2" counter={`(${requests.length})`} info={<Info topic="scripts" of="scripts" />} actions={kinds} description="Each arrival walks them once, each user repeats them, in this order.">What to request</Header>}>
      <SpaceBetween size="m">
        <FormField label="Paste a URL or a curl command" errorText={error || (requests.length === 0 ? faultsAt(faults, path, false) : '')} stretch>
          <Textarea value={text} rows={2} spellcheck={false} placeholder="curl 'https://shop.example.com/cart' -H 'Accept: application/json'" onChange={({ detail }) => setText(detail.value)} />
        </FormField>
        <Button iconName="add-plus" disabled={text.trim() === ''} onClick={add}>Add request</Button>
        {requests.map((request, at) => (
          <Request key={at} {...part} request={typeof request === 'string' ? { url: request } : request} path={[...path, at]} at={at} count={requests.length} isOpen={open === at || faultsAt(faults, [...path, at]) !== ''} toggle={() => setOpen(open === at ? null : at)} move={move} />
        ))}
        <TextField {...part} path={[...scenarioPath(draft), 'default-address']} label="Default address (optional)" description="What URLs that begin with / are relative to." placeholder="https://shop.example.com" />
        {others > 0 && <span className="muted">This scenario has {others} more {others === 1 ? 'group' : 'groups'} of requests: the YAML view shows all of it.</span>}
      </SpaceBetween>
    </Container>
  );
}

interface RequestProps extends Part {
  request: Fields;
  path: Path;
  at: number;
  count: number;
  isOpen: boolean;
  toggle: () => void;
  move: (at: number, by: number) => void;
}

function Request({ draft, change, faults, request, path, at, count, isOpen, toggle, move }: RequestProps) {
  const write = (key: string, value: unknown) => change(set(draft, path, set(request, [key], value)));
  const others = Object.keys(request).filter((key) => !KNOWN.has(key));
  const text = (key: string) => (request[key] === undefined ? '' : typeof request[key] === 'object' ? JSON.stringify(request[key]) : String(request[key]));
  const method = String(request['method'] ?? 'GET');
  const title = `${method} ${text('url')}`;
  return (
    <ExpandableSection
      variant="container"
      headerText={<Inert most={120}>{text('label') || title}</Inert>}
      headerDescription={text('label') ? bounded(title, 120) : undefined}
      expanded={isOpen}
      onChange={toggle}
      headerActions={
        <SpaceBetween direction="horizontal" size="xxs">
          <Button variant="icon" iconName="angle-up" ariaLabel={`Move request ${at + 1} up`} disabled={at === 0} onClick={() => move(at, -1)} />
          <Button variant="icon" iconName="angle-down" ariaLabel={`Move request ${at + 1} down`} disabled={at === count - 1} onClick={() => move(at, 1)} />
          <Button variant="icon" iconName="remove" ariaLabel={`Remove request ${at + 1}`} onClick={() => change(set(draft, path, undefined))} />
        </SpaceBetween>
      }
    >
      {isOpen && <SpaceBetween size="s">
        <FormField label="URL" errorText={faultsAt(faults, [...path, 'url'])} stretch>
          <Input value={text('url')} spellcheck={false} onChange={({ detail }) => write('url', detail.value)} />
        </FormField>
        <ColumnLayout columns={2}>
          <FormField label="Method" errorText={faultsAt(faults, [...path, 'method'])}>
            <Select selectedOption={{ value: method, label: method }} options={METHODS} onChange={({ detail }) => write('method', detail.selectedOption.value)} />
          </FormField>
          <FormField label="Label" description="Its name in results." errorText={faultsAt(faults, [...path, 'label'])}>
            <Input value={text('label')} placeholder="made from the URL" onChange={({ detail }) => write('label', detail.value || undefined)} />
          </FormField>
        </ColumnLayout>
        <Headers value={request['headers']} write={(value) => write('headers', value)} error={faultsAt(faults, [...path, 'headers'])} />
        <FormField label="Body" errorText={faultsAt(faults, [...path, 'body'])} stretch>
          <Textarea value={text('body')} rows={text('body') ? 4 : 1} spellcheck={false} onChange={({ detail }) => write('body', detail.value || undefined)} />
        </FormField>
        <ColumnLayout columns={2}>
          <FormField label="Think time" description="Waited after it." errorText={faultsAt(faults, [...path, 'think-time'])}>
            <Input value={text('think-time')} placeholder="none, like 500ms" onChange={({ detail }) => write('think-time', detail.value || undefined)} />
          </FormField>
          <FormField label="Statuses that are ok" description="Below 400 unless given." errorText={faultsAt(faults, [...path, 'expect-status'])}>
            <Input
              value={Array.isArray(request['expect-status']) ? request['expect-status'].join(', ') : text('expect-status')}
              placeholder="200, 404, 200-299"
              onChange={({ detail }) => write('expect-status', detail.value ? detail.value.split(/,\s*/).map((one) => (/^\d+$/.test(one) ? Number(one) : one)) : undefined)}
            />
          </FormField>
        </ColumnLayout>
        {others.length > 0 && <span className="muted">Also set, in the YAML view: {others.join(', ')}.</span>}
      </SpaceBetween>}
    </ExpandableSection>
  );
}

/** Headers as lines; a list of single entries, which may repeat a name, stays one. */
function Headers({ value, write, error }: { value: unknown; write: (value: unknown) => void; error: string }) {
  const rows: [string, string][] = Array.isArray(value)
    ? value.flatMap((one) => Object.entries(one as Record<string, string>))
    : Object.entries((value as Record<string, string> | undefined) ?? {});
  const [text, setText] = useState<string>();
  const shown = text ?? rows.map(([name, given]) => `${name}: ${given}`).join('\n');
  const leave = () => {
    if (text === undefined) return;
    const lines = text.split('\n').filter((line) => line.trim());
    const pairs = lines.map((line): [string, string] => {
      const colon = line.indexOf(':');
      return colon < 0 ? [line.trim(), ''] : [line.slice(0, colon).trim(), line.slice(colon + 1).trim()];
    });
    const isRepeated = new Set(pairs.map(([name]) => name.toLowerCase())).size < pairs.length;
    write(pairs.length === 0 ? undefined : isRepeated || Array.isArray(value) ? pairs.map(([name, given]) => ({ [name]: given })) : Object.fromEntries(pairs));
    setText(undefined);
  };
  return (
    <FormField label="Headers" description="One a line, name: value." errorText={error} stretch>
      <Textarea value={shown} rows={Math.min(8, Math.max(1, shown.split('\n').length))} spellcheck={false} onChange={({ detail }) => setText(detail.value)} onBlur={leave} />
    </FormField>
  );
}
