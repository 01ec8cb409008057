// When: now, kept for later, once, repeated, or by cron; with the next dates on the wall
// clock of the zone.
import Button from '@cloudscape-design/components/button';
import ColumnLayout from '@cloudscape-design/components/column-layout';
import Container from '@cloudscape-design/components/container';
import FormField from '@cloudscape-design/components/form-field';
import Header from '@cloudscape-design/components/header';
import Select from '@cloudscape-design/components/select';
import SpaceBetween from '@cloudscape-design/components/space-between';
import Tiles from '@cloudscape-design/components/tiles';
import { Info } from '../../app/Info';
import { nextDates, wallClock } from '../../plan/dates';
import { faultsAt, set } from '../../plan/draft';
import type { Fields } from '../../plan/words';
import { asText, TextField, type Part } from './common';

export type Mode = 'save' | 'run' | 'date' | 'cron';

const ZONES = typeof Intl.supportedValuesOf === 'function' ? ['UTC', ...Intl.supportedValuesOf('timeZone').filter((zone) => zone !== 'UTC')] : ['UTC'];
const PRESETS: [string, string][] = [
  ['each night at 2', '0 2 * * *'],
  ['weekdays at 6:30', '30 6 * * 1-5'],
  ['each Monday at 3', '0 3 * * 1'],
  ['each 6 hours', '0 */6 * * *'],
];
const REPEATS = [
  { value: '', label: 'once' },
  { value: 'daily', label: 'daily' },
  { value: 'weekly', label: 'weekly' },
  { value: 'biweekly', label: 'each 14 days' },
  { value: 'monthly', label: 'monthly' },
];

export function When(part: Part & { mode: Mode; setMode: (mode: Mode) => void }) {
  const { draft, change, faults, mode, setMode } = part;
  const zone = String(draft['scheduleTimezone'] ?? 'UTC');
  const now = wallClock(zone);
  const schedule = mode === 'cron' ? { cron: String(draft['cronValue'] ?? ''), until: String(draft['cronExpiryDate'] ?? '') } : { date: String(draft['scheduleDate'] ?? ''), time: String(draft['scheduleTime'] ?? ''), recurrence: String(draft['recurrence'] ?? '') };
  const dates = now && (mode === 'cron' || mode === 'date') ? nextDates(schedule, now) : [];
  const repeat = REPEATS.find((one) => one.value === String(draft['recurrence'] ?? '')) ?? { value: '', label: 'once' };
  return (
    <Container header={<Header variant="h2" info={<Info topic="when" of="schedules" />}>When</Header>}>
      <SpaceBetween size="m">
        <Tiles
          columns={4}
          value={mode}
          onChange={({ detail }) => setMode(detail.value as Mode)}
          ariaLabel="When it runs"
          items={[
            { value: 'run', label: 'Now' },
            { value: 'save', label: 'Only keep it' },
            { value: 'date', label: 'At a time' },
            { value: 'cron', label: 'By cron' },
          ]}
        />
        {mode === 'date' && (
          <ColumnLayout columns={3}>
            <TextField {...part} path={['scheduleDate']} label="Date" placeholder="2027-01-31" />
            <TextField {...part} path={['scheduleTime']} label="Time" placeholder="22:30" />
            <FormField label="Repeated">
              <Select selectedOption={repeat} options={REPEATS} onChange={({ detail }) => change(set(draft, ['recurrence'], asText(detail.selectedOption.value ?? '')))} />
            </FormField>
          </ColumnLayout>
        )}
        {mode === 'cron' && (
          <SpaceBetween size="xs">
            <ColumnLayout columns={2}>
              <TextField {...part} path={['cronValue']} label="Cron" description="Minute (one number), hour, day, month, weekday." placeholder="30 6 * * 1-5" />
              <TextField {...part} path={['cronExpiryDate']} label="Last day (optional)" description="2027-06-30, for example." />
            </ColumnLayout>
            <SpaceBetween direction="horizontal" size="xs">
              {PRESETS.map(([name, cron]) => (
                <Button key={cron} variant="inline-link" onClick={() => change(set(draft, ['cronValue'], cron))}>{name}</Button>
              ))}
            </SpaceBetween>
          </SpaceBetween>
        )}
        {(mode === 'cron' || mode === 'date') && (
          <ColumnLayout columns={2}>
            <FormField label="Time zone" errorText={faultsAt(faults, ['scheduleTimezone']) || (now ? '' : 'This zone is not known here.')}>
              <Select filteringType="auto" virtualScroll selectedOption={{ value: zone, label: zone }} options={ZONES.map((value) => ({ value, label: value }))} onChange={({ detail }) => change(set(draft, ['scheduleTimezone'], detail.selectedOption.value))} />
            </FormField>
            <FormField label="Next" description="On the clock of that zone.">
              {dates.length > 0 ? dates.map((date) => <div key={date}>{date}</div>) : <span className="muted">Not known yet.</span>}
            </FormField>
          </ColumnLayout>
        )}
      </SpaceBetween>
    </Container>
  );
}

/** How a draft says when it was made to run. */
export function modeOf(draft: Fields, isNew: boolean): Mode {
  if (draft['cronValue']) return 'cron';
  if (draft['scheduleDate']) return 'date';
  return isNew ? 'run' : 'save';
}

/** The body without the fields of other modes, with what the mode asks for. */
export function withMode(body: Fields, mode: Mode): Fields {
  const { cronValue, cronExpiryDate, scheduleDate, scheduleTime, scheduleTimezone, recurrence, ...rest } = body;
  const zone = { scheduleTimezone: scheduleTimezone ?? 'UTC' };
  if (mode === 'save') return { ...rest, saveOnly: true };
  if (mode === 'run') return rest;
  if (mode === 'cron') return { ...rest, ...zone, scheduleStep: 'create', cronValue, ...(cronExpiryDate ? { cronExpiryDate } : {}) };
  return { ...rest, ...zone, scheduleStep: 'create', scheduleDate, scheduleTime, ...(recurrence ? { recurrence } : {}) };
}
