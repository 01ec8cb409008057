// Words with their icons: how a run ended, whether it may be believed, where it stands,
// and what a comparison says. Never colour alone. What they mean is decided by the API.
import StatusIndicator, { type StatusIndicatorProps } from '@cloudscape-design/components/status-indicator';
import { isActive, type Change } from '../api/types';
import { capital, type Trust, type Word } from '../numbers/standing';

const OUTCOME: Record<Word, StatusIndicatorProps.Type> = {
  passed: 'success',
  failed: 'error',
  finished: 'info',
  incomplete: 'warning',
  cancelled: 'stopped',
};

export function Outcome({ word, status }: { word?: Word | undefined; status?: string | undefined }) {
  if (word) return <StatusIndicator type={OUTCOME[word] ?? 'info'}>{word}</StatusIndicator>;
  return <Status status={status ?? 'unknown'} />;
}

export function Status({ status }: { status: string }) {
  const type: StatusIndicatorProps.Type = isActive(status)
    ? status === 'queued' || status === 'provisioning'
      ? 'pending'
      : 'in-progress'
    : status === 'failed'
      ? 'error'
      : status === 'complete'
        ? 'info'
        : status === 'cancelled'
          ? 'stopped'
          : status === 'scheduled'
            ? 'pending'
            : 'info';
  return <StatusIndicator type={type}>{status}</StatusIndicator>;
}

const TRUST: Record<Trust, StatusIndicatorProps.Type> = { trusted: 'success', degraded: 'warning', untrusted: 'error' };

export function TrustWord({ trust, soFar }: { trust?: Trust | undefined; soFar?: boolean }) {
  if (!trust) return <span className="muted">–</span>;
  return <StatusIndicator type={TRUST[trust]}>{soFar ? `${trust} so far` : trust}</StatusIndicator>;
}

const CHANGE: Record<Change, [string, StatusIndicatorProps.Type]> = {
  worse: ['worse', 'error'],
  better: ['better', 'success'],
  changed_but_small: ['changed, but small', 'info'],
  same: ['same', 'info'],
  cannot_tell: ['cannot tell', 'pending'],
};

export function changeWord(change: string): string {
  return CHANGE[change as Change]?.[0] ?? change;
}

export function ChangeWord({ change }: { change: string }) {
  const [word, type] = CHANGE[change as Change] ?? [capital(change), 'warning'];
  return <StatusIndicator type={type}>{word}</StatusIndicator>;
}
