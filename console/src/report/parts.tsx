// Small pieces of the report: sections, texts of others shown inert, points in time in
// UTC (a report is read in other places than it was made), words with their signs.
import type { ReactNode } from 'react';
import { capital, type Trust, type Word } from '../numbers/standing';
import { count, exactTime, time, UNKNOWN } from '../numbers/format';
import { fromStamp, utc } from '../numbers/when';
import { visible } from '../ui/visible';

interface SectionProps {
  title: string;
  counter?: string | undefined;
  note?: ReactNode;
  children: ReactNode;
}

export function Section({ title, counter, note, children }: SectionProps) {
  return (
    <section aria-label={title}>
      <h2>
        {title} {counter && <small>{counter}</small>}
      </h2>
      {note && <p className="note">{note}</p>}
      {children}
    </section>
  );
}

/** A text of a target, a label or a name: cut, with what it hides written out, in a bidi island. */
export function Inert({ children, most = 300 }: { children: string; most?: number }) {
  const isLong = children.length > most;
  return (
    <bdi className="inert" title={isLong ? visible(children.slice(0, 2_000)) : undefined}>
      {visible(isLong ? children.slice(0, most) : children)}
      {isLong && <span className="muted">… and {count(children.length - most)} more characters</span>}
    </bdi>
  );
}

/** A point in time, UTC; on the reader's clock when hovered. */
export function Stamp({ stamp, date }: { stamp?: string | undefined; date?: Date | undefined }) {
  const at = date ?? fromStamp(stamp);
  if (!at || Number.isNaN(at.getTime())) return <span title="not known">{UNKNOWN}</span>;
  return (
    <time dateTime={at.toISOString()} title={`${at.toString()}`}>
      {utc(at)}
    </time>
  );
}

/** A time of a merged histogram: three digits, in full when hovered. */
export function Time({ us, why }: { us: number | null | undefined; why?: string }) {
  const title = us === null || us === undefined ? (why ?? 'nothing was measured') : `${exactTime(us)}, known to 3 digits`;
  return <span title={title}>{time(us)}</span>;
}

export function Figure({ name, title, children }: { name: string; title?: string | undefined; children: ReactNode }) {
  return (
    <div title={title}>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

/** A table that scrolls by itself where it is too wide for the window, not on paper. */
export function Wide({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div className="wide" tabIndex={0} role="region" aria-label={name}>
      {children}
    </div>
  );
}

type Tone = 'good' | 'bad' | 'warn' | 'plain';
const OUTCOME: Record<Word, [sign: string, tone: Tone]> = {
  passed: ['✔', 'good'],
  failed: ['✘', 'bad'],
  finished: ['●', 'plain'],
  incomplete: ['▲', 'warn'],
  cancelled: ['■', 'plain'],
};
const TRUST: Record<Trust, [sign: string, tone: Tone]> = { trusted: ['✔', 'good'], degraded: ['▲', 'warn'], untrusted: ['✘', 'bad'] };

/** A word on its ground, with a sign: never told by colour alone. */
function Badge({ sign, tone, children }: { sign: string; tone: Tone; children: ReactNode }) {
  return (
    <span className={`badge ${tone}`}>
      <span aria-hidden>{sign}</span> {children}
    </span>
  );
}

export function Outcome({ word, status }: { word: Word | undefined; status: string }) {
  const [sign, tone] = (word && OUTCOME[word]) ?? (status === 'failed' ? OUTCOME.failed : OUTCOME.finished);
  return <Badge sign={sign} tone={tone}>{capital(word ?? status)}</Badge>;
}

export function TrustWord({ trust }: { trust: Trust | undefined }) {
  if (!trust) return null;
  const [sign, tone] = TRUST[trust] ?? ['●', 'plain'];
  return <Badge sign={sign} tone={tone}>{capital(trust)}</Badge>;
}
