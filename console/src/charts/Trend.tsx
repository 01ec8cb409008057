// A scenario over its runs: a dot a run, the p95 of ok answers on a logarithmic axis and
// the share that failed below, the baseline as a line. A click opens the run.
import type { RunRow } from '../api/types';
import { percent, time } from '../numbers/format';
import { fromStamp, short } from '../numbers/when';
import { bounded } from '../ui/parts';
import { ChartFrame, useWidth } from './frame';

const LEFT = 60;
const RIGHT = 16;
const TOP = 20;
const TIMES = 150;
const SHARES = 56;
/** More than that lie too close to be pressed. */
const MOST_RUNS = 60;
/** Characters of a note that a mark tells. */
const MOST_OF_NOTE = 200;
const HEIGHT = TOP + TIMES + SHARES + 46;

interface Props {
  /** Newest first. */
  runs: RunRow[];
  baseline: string;
  open: (run: string) => void;
}

export default function Trend({ runs, baseline, open }: Props) {
  const [holder, width] = useWidth<HTMLDivElement>();
  const all = runs.filter((run) => run.endTime && (run.requests ?? 0) > 0).slice(0, MOST_RUNS).reverse();
  const p95s = all.flatMap((run) => (run.ok_times?.p95_us ? [run.ok_times.p50_us ?? run.ok_times.p95_us, run.ok_times.p99_us ?? run.ok_times.p95_us] : []));
  const low = Math.log10(Math.max(1, Math.min(...p95s, 1e9) / 1.3));
  const high = Math.log10(Math.max(...p95s, 10) * 1.3);
  const shares = all.map((run) => (run.errors ?? 0) / Math.max(1, run.requests ?? 0));
  const most = Math.max(...shares, 0.001);
  const x = (at: number) => LEFT + (all.length < 2 ? 0.5 : at / (all.length - 1)) * (width - LEFT - RIGHT - 24) + 12;
  // Many runs in a narrow window: marks become thinner before they touch.
  const apart = all.length < 2 ? Infinity : (width - LEFT - RIGHT - 24) / (all.length - 1);
  const bar = Math.max(2, Math.min(8, apart * 0.6));
  const dot = Math.max(2, Math.min(5, apart * 0.4));
  const reach = Math.max(2, Math.min(18, apart));
  const y = (us: number) => TOP + (1 - (Math.log10(us) - low) / (high - low)) * TIMES;
  const shareY = (share: number) => TOP + TIMES + 24 + (1 - share / most) * SHARES;
  const base = all.find((run) => run.testRunId === baseline)?.ok_times?.p95_us;
  const last = all.at(-1);
  const ticks = [1, 2, 5].flatMap((part) => Array.from({ length: 9 }, (_, decade) => part * 10 ** (decade + 1))).filter((us) => Math.log10(us) >= low && Math.log10(us) <= high);
  return (
    <ChartFrame
      isActive
      title="p95 of ok answers, run by run"
      note="logarithmic; whiskers from p50 to p99; below: share that failed; grey line: the baseline; ✎: a note"
      sentence={`${all.length} runs; the last has a p95 of ${time(last?.ok_times?.p95_us)} and ${percent(shares.at(-1))} failed.`}
      table={{
        columns: ['Run', 'started', 'p50', 'p95', 'p99', 'failed', 'note'],
        rows: () =>
          all.map((run, at) => [run.testRunId, run.startTime, time(run.ok_times?.p50_us), time(run.ok_times?.p95_us), time(run.ok_times?.p99_us), percent(shares[at]), bounded(run.note ?? '', MOST_OF_NOTE)]),
      }}
    >
      <div ref={holder} className="chart">
        {width > 0 && all.length > 0 && (
          <svg width={width} height={HEIGHT}>
            {ticks.map((us) => (
              <g key={us}>
                <line x1={LEFT} x2={width - RIGHT} y1={y(us)} y2={y(us)} stroke="var(--grid)" />
                <text x={LEFT - 8} y={y(us) + 4} fontSize={11} textAnchor="end" fill="var(--axis)">{time(us, 1)}</text>
              </g>
            ))}
            {base && <line x1={LEFT} x2={width - RIGHT} y1={y(base)} y2={y(base)} stroke="var(--base)" strokeWidth={2} strokeDasharray="6 3" />}
            <line x1={LEFT} x2={width - RIGHT} y1={shareY(0)} y2={shareY(0)} stroke="var(--grid)" />
            <text x={LEFT - 8} y={shareY(0) + 4} fontSize={11} textAnchor="end" fill="var(--axis)">0 %</text>
            <text x={LEFT - 8} y={shareY(most) + 4} fontSize={11} textAnchor="end" fill="var(--axis)">{percent(most)}</text>
            {all.map((run, at) => {
              const { ok_times: ok } = run;
              const share = shares[at] ?? 0;
              const bad = run.outcome?.word === 'failed';
              const isBase = run.testRunId === baseline;
              return (
                <a
                  key={run.testRunId}
                  href="#"
                  aria-label={`Run ${run.testRunId}, ${run.outcome?.word ?? run.status}, p95 ${time(ok?.p95_us)}${run.note ? `, note: ${bounded(run.note, MOST_OF_NOTE)}` : ''}`}
                  onClick={(event) => {
                    event.preventDefault();
                    open(run.testRunId);
                  }}
                >
                  <title>{`${short(fromStamp(run.startTime) ?? new Date(0))}: ${run.outcome?.word ?? run.status}, p95 ${time(ok?.p95_us)}, ${percent(share)} failed${isBase ? ', the baseline' : ''}${run.note ? `. ${bounded(run.note, MOST_OF_NOTE)}` : ''}`}</title>
                  {ok?.p95_us && (
                    <>
                      <line x1={x(at)} x2={x(at)} y1={y(ok.p50_us ?? ok.p95_us)} y2={y(ok.p99_us ?? ok.p95_us)} stroke="var(--p50)" strokeWidth={2} />
                      {bad ? (
                        <path d={`M${x(at) - dot} ${y(ok.p95_us) - dot}l${2 * dot} ${2 * dot}m0 ${-2 * dot}l${-2 * dot} ${2 * dot}`} stroke="var(--failed)" strokeWidth={dot < 4 ? 2 : 3} />
                      ) : (
                        <circle cx={x(at)} cy={y(ok.p95_us)} r={dot} fill="var(--p95)" />
                      )}
                      {isBase && <circle cx={x(at)} cy={y(ok.p95_us)} r={9} fill="none" stroke="var(--base)" strokeWidth={2} />}
                    </>
                  )}
                  <rect x={x(at) - bar / 2} width={bar} y={shareY(share)} height={Math.max(0, shareY(0) - shareY(share))} fill="var(--failed)" />
                  {run.note && <text x={x(at)} y={TOP + 2} fontSize={13} textAnchor="middle" fill="var(--axis)">✎</text>}
                  <rect x={x(at) - reach / 2} width={reach} y={TOP} height={HEIGHT - TOP - 20} fill="transparent" />
                </a>
              );
            })}
            {all.length > 0 && (
              <>
                <text x={x(0)} y={HEIGHT - 4} fontSize={11} textAnchor={all.length < 2 ? 'middle' : 'start'} fill="var(--axis)">{short(fromStamp(all[0]?.startTime) ?? new Date(0))}</text>
                {all.length > 1 && <text x={width - RIGHT} y={HEIGHT - 4} fontSize={11} textAnchor="end" fill="var(--axis)">{short(fromStamp(last?.startTime) ?? new Date(0))}</text>}
              </>
            )}
          </svg>
        )}
      </div>
    </ChartFrame>
  );
}
