// The top of a report: how the run ended, whether it may be believed, one sentence, and
// why not where it may not.
import type { Reason, RunRecord } from '../api/types';
import { bytes, count, duration, percent, rate } from '../numbers/format';
import { standing } from '../numbers/standing';
import { fromStamp, offset } from '../numbers/when';
import { againstBaseline } from './changes';
import type { ReportData } from './data';
import { Figure, Inert, Outcome, Stamp, Time, TrustWord } from './parts';

export function Headline({ data }: { data: ReportData }) {
  const { record } = data;
  const { summary, outcome, verdict } = record;
  const total = summary?.total;
  const reason = outcome?.reason ?? record.errorReason;
  return (
    <header>
      <p className="kind">Load test report</p>
      <h1>
        <Inert most={200}>{record.testName || record.testId}</Inert>
      </h1>
      <p className="badges">
        <Outcome word={outcome?.word} status={record.status} />
        <TrustWord trust={verdict?.trust} />
      </p>
      <p className="sentence">
        {standing({ word: outcome?.word, trust: verdict?.trust, p95Us: total?.p95_us, ok: total?.ok, failed: total?.failed, status: record.status })}
      </p>
      {reason && (
        <p>
          <Inert most={2_000}>{reason}</Inert>
        </p>
      )}
      {outcome?.could_not_run && <p>Nothing could be measured: no load was made, or the target could not be reached.</p>}
      <Figures record={record} />
      <p className="muted when">
        Run {record.testRunId} of scenario {record.testId} · from <Stamp stamp={record.startTime} />
        {record.endTime && (
          <>
            {' '}to <Stamp stamp={record.endTime} />
          </>
        )}
      </p>
      {record.note && (
        <aside className="callout note-of-run">
          <b>Note</b>
          <div className="kept"><Inert most={2_000}>{record.note}</Inert></div>
        </aside>
      )}
      <Reasons reasons={verdict?.reasons ?? []} />
      <Missing record={record} />
      {(record.warnings ?? []).map((warning, at) => (
        <aside className="callout" key={at}>
          <Inert most={2_000}>{warning}</Inert>
        </aside>
      ))}
      <Baseline data={data} />
    </header>
  );
}

function Figures({ record }: { record: RunRecord }) {
  const { summary } = record;
  const total = summary?.total;
  const start = fromStamp(record.startTime);
  const end = fromStamp(record.endTime);
  if (!total) {
    const lasted = start && end ? (end.getTime() - start.getTime()) / 1000 : null;
    return lasted === null ? null : (
      <dl className="figures">
        <Figure name="Lasted">{duration(lasted)}</Figure>
      </dl>
    );
  }
  const loaded = (summary?.loaded_us ?? 0) / 1e6;
  return (
    <dl className="figures">
      <Figure name="Requests" title="finished: ok and failed">{count(total.count)}</Figure>
      <Figure name="Rate" title="finished requests per second of the time in which load was made">{rate(loaded > 0 ? total.count / loaded : null)}</Figure>
      <Figure name="Failed" title={`${count(total.failed)} of ${count(total.count)}`}>{percent(total.count > 0 ? total.failed / total.count : null)}</Figure>
      <Figure name="p50"><Time us={total.p50_us} /></Figure>
      <Figure name="p95"><Time us={total.p95_us} /></Figure>
      <Figure name="p99"><Time us={total.p99_us} /></Figure>
      <Figure name="Load lasted">{duration(loaded)}</Figure>
      <Figure name="Received" title={`${count(total.bytes_received)} bytes`}>{bytes(total.bytes_received)}</Figure>
    </dl>
  );
}

function Reasons({ reasons }: { reasons: Reason[] }) {
  if (reasons.length === 0) return null;
  const isBad = reasons.some((reason) => reason.trust === 'untrusted');
  return (
    <aside className={`callout ${isBad ? 'bad-edge' : 'warn-edge'}`}>
      <b>Why the numbers are not fully trusted</b>
      <ul>
        {reasons.map((reason, at) => (
          <li key={`${reason.code} ${at}`}>
            <b>{reason.code}</b>: <Inert most={2_000}>{reason.message}</Inert>
            {reason.runners && reason.runners.length > 0 && (
              <span className="muted">
                {' '}({reason.runners.slice(0, 10).join(', ')}
                {reason.runners.length > 10 && ` and ${count(reason.runners.length - 10)} more`})
              </span>
            )}
            {reason.from_s !== undefined && (
              <span className="muted">
                {' '}From {offset(reason.from_s)} to {offset((reason.to_s ?? reason.from_s) + 1)}, shaded in the pictures below.
              </span>
            )}
          </li>
        ))}
      </ul>
    </aside>
  );
}

function Missing({ record }: { record: RunRecord }) {
  const { coverage } = record;
  if (!coverage || coverage.complete) return null;
  return (
    <aside className="callout warn-edge">
      <b>Parts of the run are missing</b>
      <div>
        {count(coverage.runners_reported)} of {count(coverage.runners_expected)} runners reported
        {coverage.missing.length > 0 && `; without a report: ${coverage.missing.slice(0, 20).join(', ')}`}
        {coverage.missing.length > 20 && ` and ${count(coverage.missing.length - 20)} more`}.
        {coverage.missing_intervals > 0 && ` ${count(coverage.missing_intervals)} seconds of runners are missing.`}
      </div>
    </aside>
  );
}

function Baseline({ data }: { data: ReportData }) {
  const comparison = data.baseline?.comparison;
  if (!comparison) return null;
  const edge = comparison.verdict === 'worse' ? 'bad-edge' : comparison.verdict === 'better' ? 'good-edge' : '';
  return (
    <aside className={`callout ${edge}`}>
      <b>{againstBaseline(comparison)}</b>
      <span className="muted"> · run {comparison.base.test_run_id}, {comparison.base.start_time} UTC</span>
      {comparison.reasons.length + comparison.notes.length > 0 && (
        <ul>
          {[...comparison.reasons, ...comparison.notes].slice(0, 20).map((text, at) => (
            <li key={at}><Inert most={500}>{text}</Inert></li>
          ))}
        </ul>
      )}
    </aside>
  );
}
