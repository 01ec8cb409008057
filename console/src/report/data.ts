// The data of a report, as `dlt runs report` writes it into the file: answers of the API
// side by side. What a run does not have is null, and each part says so.
import type { Comparison, HistogramAnswer, RunRecord, Runner, Timeline } from '../api/types';
import { fromStamp } from '../numbers/when';

export interface ReportData {
  record: RunRecord;
  timeline: Timeline | null;
  /** Length of the timeline's stretches, seconds. */
  step_s: number;
  histogram_ok: HistogramAnswer | null;
  histogram_failed: HistogramAnswer | null;
  runners: Runner[];
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
      timeline: data.timeline ? { ...data.timeline, total: data.timeline.total ?? [], regions: data.timeline.regions ?? {}, labels: data.timeline.labels ?? [] } : null,
      step_s: data.step_s ?? 1,
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
