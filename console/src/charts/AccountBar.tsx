// Where every request went, as one bar with its numbers; and whether the account adds up.
import type { Account } from '../api/types';
import { count, percent } from '../numbers/format';

export default function AccountBar({ account }: { account: Account }) {
  const all = account.scheduled;
  const parts = [
    { name: 'ok', value: account.ok, color: 'var(--ok)' },
    { name: 'failed', value: account.failed, color: 'var(--failed)' },
    { name: 'unfinished', value: account.unfinished, color: 'var(--unfinished)' },
    { name: 'dropped', value: account.dropped, color: 'var(--dropped)' },
  ].filter((part) => part.value > 0);
  const sentence =
    `${count(all)} requests were due: ${count(account.sent)} sent, ${count(account.unconnected)} found no connection, ` +
    `${count(account.dropped)} dropped; of those begun ${count(account.ok)} ok, ${count(account.failed)} failed, ${count(account.unfinished)} unfinished.`;
  return (
    <div>
      <div className="stacked" role="img" aria-label={sentence}>
        {parts.map((part) => (
          <div key={part.name} style={{ flexGrow: part.value, flexBasis: 0, background: part.color }} title={`${part.name}: ${count(part.value)}, ${percent(part.value / all)}`} />
        ))}
      </div>
      <div className="legend" style={{ marginTop: 6, fontSize: 13 }}>
        {parts.map((part) => (
          <span key={part.name}>
            <i style={{ borderTopColor: part.color }} />
            {part.name} <b>{count(part.value)}</b> <span className="muted">{percent(part.value / all)}</span>
          </span>
        ))}
      </div>
      <div style={{ marginTop: 6, fontSize: 13 }}>
        {count(all)} due = {count(account.sent)} sent + {count(account.unconnected)} without a connection + {count(account.dropped)} dropped
        <br />
        {count(account.sent + account.unconnected)} begun = {count(account.ok)} ok + {count(account.failed)} failed + {count(account.unfinished)} unfinished{' '}
        {account.balanced ? <b className="good">✔ adds up</b> : <b className="bad">✘ does not add up</b>}
        {account.resent > 0 && <span className="muted"> · {count(account.resent)} sent a second time</span>}
        {(account.lost ?? 0) > 0 && <span className="bad"> · about {count(account.lost)} lost with their runners</span>}
      </div>
    </div>
  );
}
