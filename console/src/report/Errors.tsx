// What failed, by cause, most frequent first, with saved exchanges side by side: folded on
// screen, open on paper. All of it comes from targets and is shown inert and cut.
import type { ErrorRow } from '../api/types';
import { causeColor } from '../charts/frame';
import { count, percent } from '../numbers/format';
import { visible } from '../ui/visible';
import { Inert, Section, Stamp } from './parts';
import { usePrinting } from './theme';

/** Characters of a request or an answer; the API saves little more. */
const MOST_OF_EXCHANGE = 8_000;
const MOST_ROWS = 200;

export function Errors({ errors, total }: { errors: ErrorRow[]; total: number | undefined }) {
  if (total === undefined && errors.length === 0) return null;
  const sum = errors.reduce((all, row) => all + row.count, 0);
  return (
    <Section title="What failed" counter={count(sum)} note={errors.length > 0 ? 'By cause, most frequent first.' : undefined}>
      {errors.length === 0 ? <p className="good">✔ Nothing failed.</p> : errors.slice(0, MOST_ROWS).map((row, at) => <ErrorItem key={at} row={row} total={total ?? 0} />)}
      {errors.length > MOST_ROWS && <p className="note">{count(errors.length - MOST_ROWS)} rarer kinds are left out.</p>}
    </Section>
  );
}

function ErrorItem({ row, total }: { row: ErrorRow; total: number }) {
  const labels = Object.entries(row.labels).sort((a, b) => b[1] - a[1]);
  const runners = Object.keys(row.runners);
  const exchanges = row.exchanges ?? [];
  return (
    <article className="error" style={{ borderLeftColor: causeColor(row.cause) }}>
      <div>
        <b>{count(row.count)}</b> <b><Inert most={80}>{row.cause}</Inert></b>
        {total > 0 && <span className="muted"> · {percent(row.count / total)} of all requests</span>}
      </div>
      <div><Inert most={2_000}>{row.message}</Inert></div>
      <div className="muted small">
        {labels.length > 0 && 'at '}
        {labels.slice(0, 5).map(([label, n], at) => (
          <span key={label}>
            {at > 0 && ', '}
            <Inert most={80}>{label}</Inert>
            {labels.length > 1 && ` ${count(n)}`}
          </span>
        ))}
        {labels.length > 5 && ` and ${count(labels.length - 5)} other labels`}
        {labels.length > 0 && ' · '}from <Stamp date={new Date(row.first_at)} /> to <Stamp date={new Date(row.last_at)} />
        {runners.length > 0 && ` · on ${runners.length === 1 ? runners[0] : `${count(runners.length)} runners`}`}
      </div>
      {exchanges.length > 0 && (
        <Folded name={`${exchanges.length} saved ${exchanges.length === 1 ? 'exchange' : 'exchanges'}`}>
          {exchanges.map((exchange, at) => (
            <div className="exchange" key={at}>
              <Text name="Request" text={exchange.request} none="(nothing was sent)" />
              <Text name="Answer" text={exchange.response} none="(nothing came)" />
            </div>
          ))}
        </Folded>
      )}
    </article>
  );
}

function Text({ name, text, none }: { name: string; text: string; none: string }) {
  const isLong = text.length > MOST_OF_EXCHANGE;
  return (
    <div>
      <b className="small">{name}</b>
      <pre className="mono" tabIndex={0} aria-label={name}>
        {visible(text.slice(0, MOST_OF_EXCHANGE)) || none}
        {isLong && `\n… and ${count(text.length - MOST_OF_EXCHANGE)} more characters`}
      </pre>
    </div>
  );
}

/** A part that is opened by whoever wants it, and lies open on paper. */
export function Folded({ name, onPaper = true, children }: { name: string; onPaper?: boolean; children: React.ReactNode }) {
  const isPrinting = usePrinting();
  return (
    // Drawn anew for paper, and after it: whether it was open is the element's own to know.
    <details open={isPrinting && onPaper ? true : undefined} key={isPrinting ? 'paper' : 'screen'}>
      <summary>{name}</summary>
      {children}
    </details>
  );
}
