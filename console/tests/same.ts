// Whether a result page shows the API's numbers: every part of it, read from the page and
// compared with what the API tells of the same run. What is expected is made of the API's
// answers here, by the formats that all pages share.
import { expect, type Locator, type Page } from '@playwright/test';
import { bytes, count, duration, exactTime, near, percent, plain, rate, time } from '../src/numbers/format';
import { Coarse } from '../src/numbers/coarse';
import { offset } from '../src/numbers/when';

type Told = Record<string, any>; // eslint-disable-line @typescript-eslint/no-explicit-any -- answers as they come, not as the console types them

/** The run as the API tells it, or a part of it. */
export interface Run {
  api: string;
  id: string;
  run: string;
}

export async function asked({ api, id, run }: Run, part = ''): Promise<Told> {
  return (await (await fetch(`${api}/scenarios/${id}/testruns/${run}${part}`)).json()) as Told;
}

const cellsOf = async (row: Locator, role: 'cell' | 'gridcell' = 'cell') => (await row.getByRole(role).allInnerTexts()).map((text) => text.trim());

/** The rows of a table, without its head. */
async function rowsOf(table: Locator): Promise<string[][]> {
  const rows = await table.getByRole('row').all();
  const all = await Promise.all(rows.map((row) => cellsOf(row)));
  return all.filter((cells) => cells.length > 0);
}

/** A text with the ends of its lines as a browser has them. */
const asLines = (text: string) => text.replaceAll('\r\n', '\n').trimEnd();

/** All of a page: each part by itself, so that a failure says which. */
export async function samePage(page: Page, run: Run): Promise<void> {
  await sameHead(page, run);
  await sameAccount(page, run);
  await sameThresholds(page, run);
  await sameErrors(page, run);
  await sameGenerator(page, run);
  await sameShapes(page, run);
  await sameSeconds(page, run);
  await sameFiles(page, run);
}

async function sameHead(page: Page, run: Run): Promise<void> {
  const { summary, outcome, verdict } = await asked(run);
  const { total } = summary;
  const failed = total.failed === 0 ? 'none failed' : `${percent(total.failed / total.count)} failed`;
  const word = `${outcome.word.charAt(0).toUpperCase()}${outcome.word.slice(1)}`;
  await expect(page.locator('.sentence').first()).toHaveText(`${word}, ${verdict.trust}: 95 % of answers within ${time(total.p95_us)}, ${failed}.`);
  const figures = page.locator('.figures').first();
  const seconds = summary.loaded_us / 1e6;
  await expect(figures).toContainText(`Rate${rate(total.count / seconds)}`);
  await expect(figures).toContainText(`Load lasted${duration(seconds)}`);
  await expect(figures).toContainText(`Received${bytes(total.bytes_received)}`);
  await expect(figures.getByTitle(`${total.bytes_received} bytes`)).toBeVisible();
}

async function sameAccount(page: Page, run: Run): Promise<void> {
  const { account } = await asked(run);
  const main = page.locator('main');
  const { scheduled, sent, unconnected, dropped, ok, failed, unfinished } = account;
  await expect(main).toContainText(`${count(scheduled)} due = ${count(sent)} sent + ${count(unconnected)} without a connection + ${count(dropped)} dropped`);
  await expect(main).toContainText(`${count(sent + unconnected)} begun = ${count(ok)} ok + ${count(failed)} failed + ${count(unfinished)} unfinished`);
  await expect(main).toContainText(account.balanced ? '✔ adds up' : '✘ does not add up');
  const bar = page.locator('.stacked').first().locator('..').locator('.legend').first();
  for (const [name, value] of Object.entries({ ok, failed, unfinished, dropped })) {
    if (value > 0) await expect(bar).toContainText(`${name} ${count(value)} ${percent(value / scheduled)}`);
    else await expect(bar).not.toContainText(name);
  }
}

async function sameThresholds(page: Page, run: Run): Promise<void> {
  const { outcome } = await asked(run);
  const rows = await rowsOf(page.getByRole('table').filter({ hasText: 'Of its limit' }));
  expect(rows.map((cells) => cells.slice(0, 3))).toEqual(outcome.thresholds.map((row: Told) => [row.passed ? 'yes' : 'no', row.expression, row.observed ?? '–']));
}

async function sameErrors(page: Page, run: Run): Promise<void> {
  const { errors, summary } = await asked(run);
  const main = page.locator('main');
  const sum = errors.reduce((all: number, row: Told) => all + row.count, 0);
  await expect(page.getByRole('heading', { name: `What failed (${count(sum)})` })).toBeVisible();
  for (const row of errors) {
    await expect(main).toContainText(`${count(row.count)} ${row.cause} · ${percent(row.count / summary.total.count)} of all requests`);
    await expect(page.getByText(row.message, { exact: true }).first()).toBeVisible();
    await page.getByRole('button', { name: `Details of ${row.cause}` }).first().click();
    // Where the target answered, what was sent and what came is kept and shown, letter by letter.
    if (row.cause.startsWith('status-')) expect(row.exchanges.length).toBeGreaterThan(0);
    const shown = page.locator('.exchange pre');
    await expect(shown).toHaveCount(2 * (row.exchanges ?? []).length);
    const told = (row.exchanges ?? []).flatMap((one: Told) => [one['request'], one['response']]);
    expect((await shown.allTextContents()).map(asLines)).toEqual(told.map(asLines));
  }
}

async function sameGenerator(page: Page, run: Run): Promise<void> {
  const { coverage, start, summary, generator, load } = await asked(run);
  const main = page.locator('main');
  const { lag, service, connect, first_byte: first } = summary.total;
  await expect(main).toContainText(`${coverage.runners_reported} of ${coverage.runners_expected} reported`);
  await expect(main).toContainText(`first requests within ${time(Math.max(0, start.skew_max_us))} of the plan, clocks known to ±${time(start.clock_error_us)}`);
  await expect(page.getByTitle(`median ${exactTime(start.skew_p50_us)}, largest ${exactTime(start.skew_max_us)}`)).toBeVisible();
  if (load.model === 'open') await expect(main).toContainText(`99 % of the requests left at most ${time(lag.p99_us)} late, the worst ${time(lag.max_us)}`);
  await expect(main).toContainText(`p50 ${time(service.p50_us)}, p95 ${time(service.p95_us)}`);
  await expect(main).toContainText(`${count(connect.count)} connections, p95 ${time(connect.p95_us)}`);
  await expect(main).toContainText(`p50 at most ${time(first.p50_us)}, p95 at most ${time(first.p95_us)}`);
  expect(Math.min(generator.addresses.length, generator.http_versions.length)).toBeGreaterThan(0);
  for (const [address, n] of generator.addresses) await expect(main).toContainText(`${address} ${count(n)}`);
  await expect(main).toContainText(generator.http_versions.map(([version, n]: [string, number]) => `${version}: ${count(n)}`).join(', '));
}

/** The table behind a chart. */
async function tableOf(page: Page, title: string): Promise<string[][]> {
  const figure = page.locator('figure').filter({ hasText: title });
  await figure.getByRole('button', { name: 'As a table' }).click();
  return rowsOf(figure.getByRole('table'));
}

async function sameShapes(page: Page, run: Run): Promise<void> {
  const { buckets, distribution } = await asked(run, '/histogram?of=ok');
  const bars = await tableOf(page, 'How many took how long');
  const shown = bars.reduce((sum, row) => sum + Number(row[2]?.replaceAll(',', '')), 0);
  expect(shown).toBe(distribution.count);
  // Each percentile is the end of the bucket that reaches it.
  const at = (q: number): number => {
    let seen = 0;
    for (const [, high, n] of buckets) if ((seen += n) / distribution.count >= q - 1e-12) return high;
    return NaN;
  };
  const spectrum = await tableOf(page, 'Percentile spectrum');
  expect(spectrum.length).toBeGreaterThan(3);
  for (const [name = '', value] of spectrum) expect([name, value]).toEqual([name, time(at(Number(name.slice(1)) / 100))]);
}

/** Every second of every chart over time. */
async function sameSeconds(page: Page, run: Run): Promise<void> {
  const { total } = await asked(run, '/timeline?step_s=1');
  const known = await tableOf(page, 'Requests per second');
  const seconds = total.slice(0, known.length) as Told[];
  // What is left out is the second after the last answer.
  expect(total.slice(known.length).every((one: Told) => one['ok'] + one['failed'] + one['users'] === 0)).toBe(true);
  expect(known.map((row) => row.slice(0, 2))).toEqual(seconds.map((one) => [offset(one['second']), rate(one['ok'] + one['failed'])]));
  const quantile = (one: Told, q: number) => near(new Coarse().add(one['latency']).quantile(q));
  const times = await tableOf(page, 'Response times of ok answers');
  expect(times).toEqual(seconds.map((one) => [offset(one['second']), ...[0.5, 0.95, 0.99].map((q) => quantile(one, q))]));
  const users = await tableOf(page, 'Requests in flight');
  expect(users).toEqual(seconds.map((one) => [offset(one['second']), plain(one['users'])]));
  const heat = await tableOf(page, 'Response times, each request');
  expect(heat).toEqual(seconds.map((one) => [offset(one['second']), count(one['ok']), count(one['failed']), ...[0, 0.5, 0.95, 1].map((q) => quantile(one, q))]));
}

async function sameFiles(page: Page, run: Run): Promise<void> {
  const { artifacts } = await asked(run, '/artifacts');
  const rows = await rowsOf(page.getByRole('table').filter({ hasText: `${run.run}.json` }));
  expect(rows.slice(0, -1)).toEqual(artifacts.map((file: Told) => [file['name'], bytes(file['bytes'])]));
  expect(artifacts.length).toBeGreaterThan(0);
}
