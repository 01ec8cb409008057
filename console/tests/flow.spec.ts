// As a new user would: paste a curl, run, watch, read the result, set a baseline, run
// again, compare, download, delete; from two regions. Fails on any console error, CSP violation or serious
// fault of accessibility.
import AxeBuilder from '@axe-core/playwright';
import { expect, test, type Page } from '@playwright/test';
import { asked as askedOf, samePage } from './same';
import { problemsOf } from './watch';
import { start, type World } from './world';
import { count, percent, rate, time } from '../src/numbers/format';

let world: World;
let problems: string[] = [];

test.beforeAll(async () => {
  world = await start();
});
test.afterAll(async () => {
  await world.end();
});
test.beforeEach(({ page }) => {
  problems = problemsOf(page);
});

async function accessible(page: Page, what: string): Promise<void> {
  const { violations } = await new AxeBuilder({ page }).analyze();
  const serious = violations.filter((one) => one.impact === 'serious' || one.impact === 'critical');
  expect(serious.map((one) => `${what}: ${one.id} ${one.nodes[0]?.html.slice(0, 200)}`)).toEqual([]);
}

const asked = (id: string, run: string, part = '') => askedOf({ api: world.api, id, run }, part);

const HOSTILE = '<img src=x onerror=alert(1)>';

test('a new user tests something, and does it again', async ({ page }) => {
  page.on('dialog', (dialog) => void dialog.accept());
  await page.goto(world.url);
  await expect(page.getByRole('heading', { name: 'Test something' })).toBeVisible();
  await accessible(page, 'empty home');

  // Create by pasting a curl command.
  await page.goto(`${world.url}/#/create`);
  const paste = page.getByLabel('Paste a URL or a curl command');
  await paste.fill(`curl '${world.target}/sometimes' -H 'Accept: application/json' --compressed`);
  await page.getByRole('button', { name: 'Add request' }).click();
  await paste.fill(`${world.target}/always`);
  await page.getByRole('button', { name: 'Add request' }).click();
  await page.getByRole('button', { name: /GET .*always/ }).click();
  await page.getByRole('textbox', { name: 'Label' }).fill(HOSTILE);
  // Tried once, each request is sent and shown, and nothing is kept.
  await page.getByRole('button', { name: 'Try once' }).click();
  await expect(page.getByText('2 requests were sent; all are ok.')).toBeVisible({ timeout: 30_000 });
  await expect(page.getByText('{"ok":true}')).toHaveCount(2);
  await expect(page.getByText('GET /always HTTP/1.1')).toBeVisible();
  expect((await (await fetch(`${world.api}/scenarios`)).json()).Items).toEqual([]);

  await page.getByLabel('Name', { exact: true }).fill('x');
  await page.getByRole('radio', { name: 'Now' }).waitFor();
  await page.getByRole('button', { name: 'Arrivals' }).click();
  await page.getByLabel('Arrivals per second').fill('10');
  await page.getByLabel('Then holds for').fill('16s');
  await page.getByRole('button', { name: 'error_rate<1%' }).click();
  await page.getByLabel('Runners in lo-home-2').fill('1');

  // Wrong input is told at its field.
  await page.getByRole('button', { name: 'Keep and run' }).click();
  await expect(page.getByText(/must have 3 to 255 characters/).first()).toBeVisible();
  await expect(page.getByLabel('Name', { exact: true })).toBeFocused();
  await accessible(page, 'create');
  problems.length = 0;
  await page.getByLabel('Name', { exact: true }).fill('flow of the console');
  await page.getByRole('button', { name: 'Keep and run' }).click();

  // Live numbers.
  await expect(page.getByRole('button', { name: 'Cancel the run' })).toBeVisible();
  await expect(page.locator('.figures')).toContainText(/Rate\s*(1[5-9]|2[0-5])(\.\d+)?\/s of 20/, { timeout: 30_000 });
  await expect(page.getByText('2 loading')).toBeVisible();
  // Reloaded, it shows the run from its first second.
  await page.reload();
  await page.getByText('As a table').first().click();
  await expect(page.getByRole('cell', { name: '0:00', exact: true }).first()).toBeVisible();

  // The result, with the numbers of the API.
  await expect(page.getByRole('button', { name: 'Run again' })).toBeVisible({ timeout: 60_000 });
  await expect(page.locator('.sentence').first()).toContainText(/^Failed, \w+: 95 % of answers within/);
  const [, id = '', run = ''] = /scenarios\/([^/]+)\/runs\/([^/?]+)/.exec(page.url()) ?? [];
  await sameNumbers(page, id, run);
  await samePage(page, { api: world.api, id, run });
  await sameRegions(page, id, run);
  await sameRunners(page, id, run);
  await page.getByRole('button', { name: 'Add a note' }).click();
  await page.getByRole('textbox', { name: 'Note' }).fill('before the cache <b>came</b>');
  await page.getByRole('button', { name: 'Keep', exact: true }).click();
  await expect(page.getByText('before the cache <b>came</b>')).toBeVisible();
  expect((await asked(id, run)).note).toBe('before the cache <b>came</b>');
  await expect(page.getByText(HOSTILE).first()).toBeVisible();
  expect(await page.locator('img[src="x"]').count()).toBe(0);
  await accessible(page, 'result');
  const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('link', { name: `${run}.json` }).click()]);
  expect(download.suggestedFilename()).toBe(`${run}.json`);

  // Zoomed by hand, and the address holds it.
  const chart = page.locator('.u-over').first();
  const box = await chart.boundingBox();
  if (!box) throw new Error('no chart');
  await chart.scrollIntoViewIfNeeded();
  await chart.hover({ position: { x: box.width * 0.3, y: 40 } });
  await page.mouse.down();
  const seen = await chart.boundingBox();
  await page.mouse.move((seen?.x ?? 0) + box.width * 0.7, (seen?.y ?? 0) + 60, { steps: 5 });
  await page.mouse.up();
  await expect(page).toHaveURL(/from=\d+&to=\d+/);
  await page.getByRole('button', { name: 'Show the whole run' }).click();

  // Baseline, a second run that is slower, comparison.
  await page.getByRole('button', { name: 'More' }).click();
  await page.getByRole('menuitem', { name: 'Set as baseline' }).click();
  await expect(page.getByText(/is the baseline/).first()).toBeVisible();
  world.slow(40);
  await page.getByRole('button', { name: 'Run again' }).click();
  await expect(page.getByRole('button', { name: 'Cancel the run' })).toBeVisible();
  await expect(page.getByRole('button', { name: 'Run again' })).toBeVisible({ timeout: 60_000 });
  await page.getByRole('link', { name: /the baseline$/ }).click();
  await expect(page.getByText('Worse: something got worse.')).toBeVisible();
  await expect(page.getByRole('img', { name: /changes;/ }).first()).toBeVisible();
  await accessible(page, 'compare');

  // Its row tells how it went.
  await page.goto(`${world.url}/#/`);
  await expect(page.getByText('2nd failure in a row')).toBeVisible();
  await page.goto(`${world.url}/#/scenarios`);
  const { last_run: last } = (await (await fetch(`${world.api}/scenarios`)).json()).Items[0];
  const row = page.getByRole('row', { name: /flow of the console/ });
  await expect(row).toContainText('failed');
  await expect(row).toContainText(time(last.p95_us));

  // A third run, cancelled; axe takes time, which the runs that are compared must not lack.
  world.slow(0);
  await page.goto(`${world.url}/#/scenarios/${id}`);
  await page.getByRole('button', { name: 'Run', exact: true }).click();
  await expect(page.getByText('2 loading')).toBeVisible({ timeout: 30_000 });
  await accessible(page, 'live');
  await page.getByRole('button', { name: 'Cancel the run' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Cancel the run' }).click();
  await expect(page.locator('.sentence').first()).toContainText('Cancelled', { timeout: 40_000 });

  // Lists, then delete.
  await page.goto(`${world.url}/#/scenarios/${id}`);
  await expect(page.getByRole('row')).toHaveCount(4);
  await expect(page.getByRole('table', { name: 'Runs' }).getByText('before the cache <b>came</b>')).toBeVisible();
  await accessible(page, 'scenario');
  await page.goto(`${world.url}/#/scenarios`);
  await page.getByRole('radio', { name: 'flow of the console' }).check({ force: true });
  await accessible(page, 'scenarios');
  await page.getByRole('button', { name: 'Actions' }).click();
  await page.getByRole('menuitem', { name: 'Delete' }).click();
  await expect(page.getByText('There is no scenario yet.')).toBeVisible();
  for (const place of ['regions', 'agents', 'settings']) {
    await page.goto(`${world.url}/#/${place}`);
    await expect(page.locator('h1')).toBeVisible();
    await accessible(page, place);
  }
  expect(problems).toEqual([]);
});

/** What is beneath a label, and errors by region: the API's numbers. */
async function sameRegions(page: Page, id: string, run: string): Promise<void> {
  const { summary, errors } = await asked(id, run);
  const label = encodeURIComponent(HOSTILE);
  await page.getByRole('button', { name: `Show the regions of ${HOSTILE}` }).click();
  const table = page.getByRole('treegrid', { name: 'Response times by label' });
  for (const region of Object.keys(summary.regions)) {
    const { distribution: times } = await asked(id, run, `/histogram?label=${label}&region=${region}&of=ok`);
    const row = table.getByRole('row', { name: `in ${region}` });
    await expect(row).toContainText(time(times.p95_us));
    const cells = await row.getByRole('gridcell').allInnerTexts();
    expect([cells[0], cells[3], cells[7]]).toEqual([count(times.count), time(times.p50_us), time(times.max_us)]);
  }
  await page.getByRole('button', { name: `Hide the regions of ${HOSTILE}` }).click();
  await page.getByRole('button', { name: 'By region' }).click();
  const rows = page.getByRole('table').filter({ hasText: 'Cause' }).getByRole('row');
  for (const [at, error] of errors.entries()) {
    const cells = (await rows.nth(at + 1).getByRole('cell').allInnerTexts()).slice(1);
    expect(cells).toEqual(Object.keys(summary.regions).map((region) => count(error.regions[region] ?? 0)));
  }
}

async function sameRunners(page: Page, id: string, run: string): Promise<void> {
  const { runners } = await asked(id, run, '/runners');
  expect(runners).toHaveLength(2);
  await page.getByRole('button', { name: /^Runners/ }).click();
  const table = page.getByRole('table', { name: 'Runners, worst first' });
  for (const runner of runners) {
    const row = table.getByRole('row', { name: runner.runner });
    await expect(row).toContainText(runner.region);
    await expect(row).toContainText('finished');
    await expect(row).toContainText(time(runner.lag_p99_us));
  }
}

/** Every cell of the table of labels is the API's number. */
async function sameNumbers(page: Page, id: string, run: string): Promise<void> {
  const { summary } = await asked(id, run);
  const seconds = summary.loaded_us / 1e6;
  const table = page.getByRole('treegrid', { name: 'Response times by label' });
  const rows = [{ ...summary.total, label: 'all requests' }, ...summary.labels];
  for (const [at, block] of rows.entries()) {
    const cells = await table.getByRole('row').nth(at + 1).getByRole('gridcell').allInnerTexts();
    const header = await table.getByRole('row').nth(at + 1).getByRole('rowheader').innerText();
    expect([header, ...cells.slice(0, 8)].map((text) => text.trim())).toEqual([
      block.label,
      count(block.count),
      rate(block.count / seconds),
      percent(block.failed / block.count),
      ...['p50_us', 'p95_us', 'p99_us', 'p99_9_us', 'max_us'].map((field) => time(block[field])),
    ]);
  }
}
