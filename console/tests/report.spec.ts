// The built report, filled as the command fills it and opened from a file: it loads
// nothing, says the numbers of its data, keeps hostile texts inert, and goes onto paper.
import AxeBuilder from '@axe-core/playwright';
import { expect, test, type Page, type TestInfo } from '@playwright/test';
import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { Block } from '../src/api/types';
import { count, percent, rate, time } from '../src/numbers/format';
import type { ReportData } from '../src/report/data';
import { fill, HOSTILE, nothingMeasured, reportData } from './report-fixture';

/** Beside the other files of the console, which DLT_CONSOLE may name. */
const TEMPLATE = join(process.env.DLT_CONSOLE ?? fileURLToPath(new URL('../dist', import.meta.url)), 'report.html');
const MOST_BYTES = 3_000_000;
const problems: string[] = [];

test.use({ viewport: { width: 1280, height: 900 } });

test.beforeEach(({ page }) => {
  problems.length = 0;
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) problems.push(message.text());
  });
  page.on('pageerror', (error) => problems.push(String(error)));
  page.on('dialog', (dialog) => {
    problems.push(`dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
});
test.afterEach(() => {
  expect(problems).toEqual([]);
});

async function open(page: Page, info: TestInfo, name: string, data: ReportData): Promise<string> {
  const path = info.outputPath(`${name}.html`);
  await writeFile(path, fill(await readFile(TEMPLATE, 'utf8'), data));
  expect((await stat(path)).size).toBeLessThan(MOST_BYTES);
  const url = pathToFileURL(path).href;
  page.on('request', (request) => {
    if (request.url() !== url && !request.isNavigationRequest()) problems.push(`asked for ${request.url()}`);
  });
  await page.goto(url);
  await expect(page.locator('h1')).toBeVisible();
  return path;
}

async function accessible(page: Page): Promise<void> {
  const { violations } = await new AxeBuilder({ page }).analyze();
  const serious = violations.filter((one) => one.impact === 'serious' || one.impact === 'critical');
  expect(serious.map((one) => `${one.id} ${one.nodes[0]?.html.slice(0, 200)}`)).toEqual([]);
}

/** Every cell of the tables of labels and of transactions is the number of the data. */
async function sameNumbers(page: Page, data: ReportData): Promise<void> {
  const { summary } = data.record;
  if (!summary) throw new Error('no summary');
  const loaded = summary.loaded_us / 1e6;
  const numbers = (block: Block) => [
    count(block.count),
    rate(block.count / loaded),
    percent(block.failed / block.count),
    ...([block.p50_us, block.p95_us, block.p99_us, block.p99_9_us, block.max_us].map((us) => time(us))),
  ];
  const shown = (table: string) => page.locator(`table.${table} tbody tr`).evaluateAll((rows) =>
    rows.map((row) =>
      [...row.querySelectorAll('td')].slice(0, 8).map((cell) => {
        const plain = cell.cloneNode(true) as Element;
        plain.querySelectorAll('.change').forEach((change) => change.remove());
        return plain.textContent;
      }),
    ),
  );
  expect(await shown('labels')).toEqual([summary.total, ...Object.values(summary.regions), ...summary.labels].map(numbers));
  expect(await shown('transactions')).toEqual((summary.transactions ?? []).map(numbers));
}

test('a whole run, light, dark and on paper', async ({ page }, info) => {
  const data = reportData();
  await open(page, info, 'report', data);
  await expect(page).toHaveTitle('Shop, steady: FAILED, 2026-03-04');
  await expect(page.locator('.sentence')).toHaveText(/^Failed, degraded: 95 % of answers within 166 ms, \d\.\d+ % failed\.$/);
  await sameNumbers(page, data);
  await expect(page.locator('table.labels svg')).toHaveCount(9);
  await expect(page.getByText('the requests are counted by label. 1 more had begun and not ended when the load did.')).toBeVisible();
  await expect(page.getByText('In no number: 2 requests of setup in 41.3 ms, 1 request of teardown in 9.10 ms, which failed. DELETE /carts: answered 503')).toBeVisible();
  await expect(page.getByText('▲ +12 %').first()).toBeVisible();
  await expect(page.locator('table.labels').getByTitle('166,231 µs, known to 3 digits')).toHaveText('166 ms');
  // Ink on every canvas, not only its place.
  const inked = await page.locator('canvas').evaluateAll((all) =>
    all.map((one) => {
      const canvas = one as HTMLCanvasElement;
      return canvas.getContext('2d')?.getImageData(0, 0, canvas.width, canvas.height).data.some((value) => value > 0);
    }),
  );
  expect(inked).toEqual(Array(5).fill(true));
  await accessible(page);
  await page.screenshot({ path: info.outputPath('light.png'), fullPage: true });

  await page.emulateMedia({ colorScheme: 'dark' });
  await expect(page.locator('html')).toHaveClass(/awsui-dark-mode/);
  await accessible(page);
  await page.screenshot({ path: info.outputPath('dark.png'), fullPage: true });

  // From a dark screen onto white paper, with what was folded.
  await page.evaluate(() => {
    window.addEventListener('beforeprint', () => {
      const widths = [...document.querySelectorAll('.chart canvas, .chart svg')].map((one) => Math.round(one.getBoundingClientRect().width));
      document.documentElement.dataset.paper = JSON.stringify({ widths, ground: getComputedStyle(document.documentElement).backgroundColor, open: document.querySelectorAll('details[open]').length });
    });
  });
  await page.pdf({ path: info.outputPath('report.pdf'), preferCSSPageSize: true, printBackground: true });
  const paper = JSON.parse((await page.locator('html').getAttribute('data-paper')) ?? '{}');
  expect(paper.ground).toBe('rgb(255, 255, 255)');
  expect(paper.open).toBe(2);
  expect(paper.widths.length).toBe(9);
  for (const width of paper.widths) expect(width).toBeGreaterThan(690);
  // And back on the screen.
  await expect(page.locator('html')).toHaveClass(/awsui-dark-mode/);
  await expect.poll(() => page.locator('.chart canvas').first().evaluate((one) => Math.round(one.getBoundingClientRect().width))).toBeLessThan(600);
  expect(await page.locator('details[open]').count()).toBe(0);
  await page.emulateMedia({ media: 'print', colorScheme: 'light' });
  await page.screenshot({ path: info.outputPath('print.png'), fullPage: true });
});

test('the charts zoom', async ({ page }, info) => {
  await open(page, info, 'zoom', reportData({ seconds: 120 }));
  await page.getByRole('button', { name: 'Zoom in' }).click();
  await expect(page.getByText('Shown: 0:30 to 1:30')).toBeVisible();
  await page.getByRole('button', { name: 'Show the whole run' }).click();
  await expect(page.getByText('Shown: the whole run')).toBeVisible();
});

test('users instead of arrivals', async ({ page }, info) => {
  const data = reportData({ seconds: 30 });
  data.record.load = { model: 'closed', users: 50, planned: [[0, 50], [30, 50]] };
  for (const second of data.timeline?.total ?? []) Object.assign(second, { user_time_us: 50e6, read_delay_us: 125_000 });
  await open(page, info, 'closed', data);
  await expect(page.getByRole('heading', { name: 'Users', exact: true })).toBeVisible();
  await expect(page.locator('.facts')).toContainText('Read delay0.25 % of the users’ time');
  await expect(page.locator('.facts')).not.toContainText('Lag');
});

test('hostile texts do nothing', async ({ page }, info) => {
  const data = reportData({ isHostile: true, seconds: 60, labels: 12 });
  await open(page, info, 'hostile', data);
  await sameNumbers(page, data);
  await expect(page.locator('table.labels').getByText(HOSTILE.html)).toBeVisible();
  await expect(page.locator('table.labels').getByText(HOSTILE.close)).toBeVisible();
  await expect(page.locator('table.labels').getByText('␛[31mred')).toBeVisible();
  expect(await page.locator('img, iframe, script[src], link, a').count()).toBe(0);
  expect(await page.title()).toMatch(/^shop <img .*: FAILED, 2026-03-04$/);
  expect(await page.title()).not.toContain('\u202e');
  expect(await page.locator('body').innerText()).not.toContain('\u202e');
  // Ten thousand letters without a space make no page wider than its window.
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(1280);
  await accessible(page);
  await page.screenshot({ path: info.outputPath('hostile.png'), fullPage: true });
  await page.pdf({ path: info.outputPath('hostile.pdf'), preferCSSPageSize: true });
});

test('many labels and runners', async ({ page }, info) => {
  const data = reportData({ labels: 500, runners: 400, seconds: 300 });
  await open(page, info, 'many', data);
  await sameNumbers(page, data);
  await expect(page.locator('table.labels svg')).toHaveCount(9);
  await expect(page.locator('table.runners tbody tr')).toHaveCount(50);
  await expect(page.getByText('The worst 50 of 400 are listed.')).toBeVisible();
  await page.pdf({ path: info.outputPath('many.pdf'), preferCSSPageSize: true });
});

test('a narrow window', async ({ page }, info) => {
  await page.setViewportSize({ width: 390, height: 800 });
  await open(page, info, 'narrow', reportData({ seconds: 120 }));
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(390);
  await page.screenshot({ path: info.outputPath('narrow.png'), fullPage: true });
});

for (const word of ['failed', 'cancelled'] as const) {
  test(`a run that ${word} before anything was measured`, async ({ page }, info) => {
    await open(page, info, word, nothingMeasured(word));
    await expect(page.getByText('Of 12 runners only 3 were ready')).toBeVisible();
    await expect(page.getByText('Nothing was measured: the run')).toBeVisible();
    await expect(page.getByText('Parts of the run are missing')).toBeVisible();
    await accessible(page);
    await page.screenshot({ path: info.outputPath(`${word}.png`), fullPage: true });
    await page.pdf({ path: info.outputPath(`${word}.pdf`), preferCSSPageSize: true });
  });
}

test('an incomplete run without a timeline, and a cancelled one with numbers', async ({ page }, info) => {
  const data = reportData({ seconds: 60 });
  data.record.outcome = { word: 'incomplete', passed: null, thresholds: [] };
  data.record.coverage = { complete: false, runners_expected: 12, runners_reported: 11, missing: ['a1b2c3d4e5-us-east-1-4'], missing_intervals: 14 };
  await open(page, info, 'incomplete', { ...data, timeline: null, histogram_failed: null, baseline: null });
  await expect(page.getByText('11 of 12 runners reported; without a report: a1b2c3d4e5-us-east-1-4. 14 seconds of runners are missing.')).toBeVisible();
  await expect(page.getByText('No second of this run was kept')).toBeVisible();
  await sameNumbers(page, data);
  data.record.outcome.word = 'cancelled';
  await open(page, info, 'cancelled', { ...data, histogram_ok: null, histogram_failed: null });
  await expect(page.locator('.sentence')).toHaveText(/^Cancelled, degraded: 95 % of answers within/);
});

test('the template alone says what it is', async ({ page }) => {
  await page.goto(pathToFileURL(TEMPLATE).href);
  await expect(page.getByText('This file holds no run')).toBeVisible();
});

test('a run that is not known says so', async ({ page }, info) => {
  const path = info.outputPath('strange.html');
  await writeFile(path, fill(await readFile(TEMPLATE, 'utf8'), { record: { testName: 'x', coverage: { complete: false } } }));
  await page.goto(pathToFileURL(path).href);
  await expect(page.getByText('This run cannot be drawn')).toBeVisible();
  problems.length = 0;
});

test('a script that is not the report’s does not run', async ({ page }, info) => {
  const path = info.outputPath('foreign.html');
  const html = fill(await readFile(TEMPLATE, 'utf8'), reportData({ seconds: 20 }));
  await writeFile(path, html.replace('</body>', () => '<script>document.title="taken"</script><img src="https://example.invalid/x.png"></body>'));
  await page.goto(pathToFileURL(path).href);
  await expect(page).toHaveTitle(/^Shop, steady/);
  expect(problems.filter((one) => /Content Security Policy/.test(one)).length).toBeGreaterThanOrEqual(2);
  problems.length = 0;
});
