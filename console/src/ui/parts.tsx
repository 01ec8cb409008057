// Small pieces that every page uses: numbers with their exact value on hover, times,
// links, texts of others shown inert, and the four states of a list.
import Alert from '@cloudscape-design/components/alert';
import Box from '@cloudscape-design/components/box';
import Button from '@cloudscape-design/components/button';
import Link from '@cloudscape-design/components/link';
import SpaceBetween from '@cloudscape-design/components/space-between';
import Spinner from '@cloudscape-design/components/spinner';
import type { ReactNode } from 'react';
import { ApiError } from '../api/client';
import { exactTime, time, UNKNOWN } from '../numbers/format';
import { fromStamp, short, utc } from '../numbers/when';
import { visible } from './visible';

export function Num({ children, title }: { children: ReactNode; title?: string | undefined }) {
  return (
    <div className="num" title={title}>
      {children}
    </div>
  );
}

/** A time of a merged histogram: three digits, so within 0.1 % of the exact value. */
export function Time({ us, why }: { us: number | null | undefined; why?: string }) {
  const title = us === null || us === undefined ? (why ?? 'nothing was measured') : `${exactTime(us)}, known to 3 digits`;
  return <Num title={title}>{time(us)}</Num>;
}

export function When({ stamp, date }: { stamp?: string | undefined; date?: Date }) {
  const at = date ?? fromStamp(stamp);
  return at ? <span title={utc(at)}>{short(at)}</span> : <span title="not yet">{UNKNOWN}</span>;
}

/** A text of others cut to a length, for places that take no elements: titles, options, tables. */
export function bounded(text: string, most = 300): string {
  return visible(text.length > most ? `${text.slice(0, most)}…` : text);
}

/** A text of a target, a label or a name: as it is, in a bidi island of its own. */
export function Inert({ children, most = 300 }: { children: string; most?: number }) {
  return (
    <bdi className="inert" title={children.length > most ? bounded(children, 2000) : undefined}>
      {bounded(children, most)}
    </bdi>
  );
}

export function To({ href, children }: { href: string; children: ReactNode }) {
  return <Link href={href}>{children}</Link>;
}

export function Loading({ what }: { what: string }) {
  return (
    <Box padding="l" textAlign="center">
      <Spinner /> Loading {what}…
    </Box>
  );
}

export function Failed({ error, what, again }: { error: unknown; what: string; again?: () => void }) {
  const message = error instanceof Error ? error.message : String(error);
  const code = error instanceof ApiError && error.status > 0 ? ` (${error.status})` : '';
  return (
    <Alert
      type="error"
      header={`${what} could not be loaded${code}`}
      action={again && <Button onClick={again}>Try again</Button>}
    >
      <Inert>{message}</Inert>
    </Alert>
  );
}

export function Empty({ title, next }: { title: string; next?: ReactNode }) {
  return (
    <Box textAlign="center" padding="m">
      <SpaceBetween size="xs">
        <b>{title}</b>
        {next}
      </SpaceBetween>
    </Box>
  );
}

export function Figure({ name, children, title }: { name: string; children: ReactNode; title?: string }) {
  return (
    <div title={title}>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}
