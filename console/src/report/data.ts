// The data of a report, as `dlt runs report` writes it into the file: answers of the API
// side by side. What a run does not have is null, and each part says so.
import type { Comparison, HistogramAnswer, RunRecord, RunTimeline, Second } from '../api/types';
import { fromStamp } from '../numbers/when';

/** A runner of the run, as it was last heard. */
export interface ReportRunner {
  runner: string;
  region: string;
  state: string;
  role?: string | null;
  last_heard_s?: number | null;
  lag_p99_us?: number | null;
  skew_us?: number | null;
  cpu_pct?: number | null;
  memory_bytes?: number | null;
  memory_limit_bytes?: number | null;
  public_address?: string | null;
  /** Why it is lost, in a sentence. */
  lost?: string | boolean | null;
}

export type ReportTimeline = RunTimeline & {
  /** All regions added. */
  total?: Second[];
};

/** A run's record, with what the generated types do not know yet. */
export type ReportRecord = RunRecord & {
  /** A person's words about the run. */
  note?: string | null;
};

export interface ReportData {
  record: ReportRecord;
  timeline: ReportTimeline | null;
  histogram_ok: HistogramAnswer | null;
  histogram_failed: HistogramAnswer | null;
  runners: ReportRunner[];
  baseline: { comparison: Comparison } | null;
  /** When the report was made, UTC. */
  made_at: string;
  /** Of the dlt that made it. */
  version: string;
}

/** The data as it stands in the file; null where there is none or it is no report. */
export function readData(text: string | null | undefined): ReportData | null {
  if (!text) return null;
  try {
    const data = JSON.parse(text) as Partial<ReportData> | null;
    if (!data || typeof data.record !== 'object' || data.record === null) return null;
    return {
      record: data.record,
      timeline: data.timeline ?? null,
      histogram_ok: data.histogram_ok ?? null,
      histogram_failed: data.histogram_failed ?? null,
      runners: data.runners ?? [],
      baseline: data.baseline ?? null,
      made_at: data.made_at ?? '',
      version: data.version ?? '',
    };
  } catch {
    return null;
  }
}

/** Characters of a name that a title holds. */
const MOST_OF_NAME = 120;
/** Controls, and marks that turn the direction of what follows. */
const UNSEEN = /[\p{Cc}\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu;

/** "shop: PASSED, 2026-03-04": the window's title, and the name of a printed file. */
export function titleOf(record: RunRecord): string {
  const name = (record.testName || record.testId || 'run').replace(UNSEEN, '').trim();
  const short = [...name].slice(0, MOST_OF_NAME).join('');
  const word = (record.outcome?.word ?? record.status ?? 'unknown').toUpperCase();
  const at = fromStamp(record.startTime);
  return `${short}: ${word}${at ? `, ${at.toISOString().slice(0, 10)}` : ''}`;
}

/** Controls as their pictures (␛ for ESC), so that what a text hides is seen. */
export function visible(text: string): string {
  // Built from numbers: the linter is right that controls in a pattern are mostly faults.
  return [...text].map((char) => pictureOf(char.codePointAt(0) ?? 0) ?? char).join('');
}

function pictureOf(code: number): string | null {
  if (code === 9 || code === 10) return null;
  if (code < 32) return String.fromCodePoint(0x2400 + code);
  return code === 127 ? '\u2421' : null;
}
