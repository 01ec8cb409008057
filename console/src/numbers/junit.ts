// A run as JUnit XML, for programs that show test results: a threshold is a test case.
// Without a threshold the run itself is one. What held is the API's word.
import type { RunRecord } from '../api/types';
import { fromStamp } from './when';

export function junit(record: RunRecord): string {
  const { outcome, verdict, summary, account } = record;
  const name = record.testName || record.testId;
  const word = outcome?.word ?? record.status;
  const seconds = (summary?.loaded_us ?? 0) / 1e6;
  const why = outcome?.reason ?? record.errorReason ?? '';
  const whole: Case = {
    name: 'the run',
    time: seconds,
    ...(word === 'cancelled' ? { skipped: why || 'It was cancelled.' } : {}),
    ...(word === 'incomplete' || outcome?.could_not_run ? { error: why || 'It is not complete.' } : {}),
    ...(word === 'failed' && (outcome?.thresholds ?? []).every((row) => row.passed) && !outcome?.could_not_run ? { failure: why || 'It failed.' } : {}),
  };
  const cases: Case[] = [
    whole,
    ...(outcome?.thresholds ?? []).map((row): Case => ({ name: row.expression, time: 0, ...(row.passed ? {} : { failure: `observed ${row.observed ?? 'nothing'}${row.reason ? `: ${row.reason}` : ''}` }) })),
  ];
  const many = (key: 'failure' | 'error' | 'skipped') => cases.filter((one) => one[key] !== undefined).length;
  const properties: [string, string | number | null | undefined][] = [
    ['scenario', record.testId],
    ['run', record.testRunId],
    ['outcome', word],
    ['trust', verdict?.trust],
    ['requests', account?.scheduled],
    ['failed', summary?.total.failed],
    ['p50_us', summary?.total.p50_us],
    ['p95_us', summary?.total.p95_us],
    ['p99_us', summary?.total.p99_us],
  ];
  const at = fromStamp(record.startTime)?.toISOString().slice(0, 19);
  const counts = `tests="${cases.length}" failures="${many('failure')}" errors="${many('error')}" skipped="${many('skipped')}" time="${seconds}"`;
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites name="dlt" ${counts}>`,
    `  <testsuite name="${xml(name)}" ${counts}${at ? ` timestamp="${at}"` : ''}>`,
    '    <properties>',
    ...properties.flatMap(([key, value]) => (value === null || value === undefined ? [] : [`      <property name="${key}" value="${xml(String(value))}"/>`])),
    '    </properties>',
    ...cases.map((one) => caseOf(one, name)),
    '  </testsuite>',
    '</testsuites>',
    '',
  ].join('\n');
}

interface Case {
  name: string;
  time: number;
  failure?: string;
  error?: string;
  skipped?: string;
}

function caseOf(one: Case, suite: string): string {
  const head = `    <testcase classname="${xml(suite)}" name="${xml(one.name)}" time="${one.time}"`;
  const said = (['error', 'failure', 'skipped'] as const).find((key) => one[key] !== undefined);
  return said ? `${head}>\n      <${said} message="${xml(one[said] ?? '')}"/>\n    </testcase>` : `${head}/>`;
}

const ENTITIES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&apos;', '\n': '&#10;', '\r': '&#13;', '\t': '&#9;' };

/** A text as an attribute; characters that XML 1.0 does not have become U+FFFD. */
export function xml(text: string): string {
  return text
    .replace(/[\p{Cc}\p{Surrogate}\ufffe\uffff]/gu, (one) => (one in ENTITIES || (one >= '\u007f' && one <= '\u009f') ? one : '\ufffd'))
    .replace(/[&<>"'\n\r\t]/g, (one) => ENTITIES[one] ?? one);
}
