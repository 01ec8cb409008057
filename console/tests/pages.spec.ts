// Every page at two widths, light and dark: no serious fault of accessibility, nothing
// beside the page, and texts of others stay texts, whatever they are.
import AxeBuilder from '@axe-core/playwright';
import { expect, test, type Page } from '@playwright/test';
import { startFake, type Fake } from './fake';
import { problemsOf, unreachable } from './watch';

const RUN = '/scenarios/test000000/runs/run0000002';
const PAGES: Record<string, [string, RegExp | string]> = {
  home: ['/', 'Lately'],
  scenarios: ['/scenarios', 'Last result'],
  filtered: ['/scenarios?filter=result%3Dfailed', 'Last result = failed'],
  scenario: ['/scenarios/test000000', 'Trend'],
  result: [RUN, 'Load generator'],
  compare: ['/scenarios/test000000/compare?run=run0000002&with=run0000003', 'Worse: something got worse.'],
  live: ['/scenarios/test000000/runs/run0000000', 'Over time'],
  tried: ['/create?paste=http%3A%2F%2F127.0.0.1%3A8080%2Flogin', 'What it comes to'],
  create: ['/create', 'What it comes to'],
  script: ['/create', 'What it comes to'],
  edit: ['/scenarios/test000000/edit', 'What it comes to'],
  yaml: ['/scenarios/test000000/edit?view=yaml', 'The whole scenario'],
  regions: ['/regions', 'Room'],
  agents: ['/agents', 'Then ask'],
  settings: ['/settings', 'This browser'],
};

let fake: Fake;
test.afterEach(async () => {
  await fake.end();
});

async function show(page: Page, name: string): Promise<void> {
  const [path, seen] = PAGES[name] ?? ['/', ''];
  await page.goto('about:blank');
  fake.size.isRunning = name === 'live';
  await page.goto(`${fake.url}/#${path}`);
  await expect(page.locator('main').getByText(seen).first()).toBeVisible();
  if (name === 'script') await chooseLocust(page);
  if (name === 'tried') await tryOnce(page);
  await expect(page.getByText(/^Loading/)).toHaveCount(0);
}

async function tryOnce(page: Page): Promise<void> {
  await page.getByRole('button', { name: 'Try once' }).click();
  await expect(page.getByText('3 requests were sent; 2 failed.')).toBeVisible();
}

/** Buttons where there is room, else a list. */
async function chooseLocust(page: Page): Promise<void> {
  const button = page.getByRole('button', { name: 'Locust', exact: true });
  if ((await button.count()) > 0) return button.click();
  await page.getByRole('button', { name: /^Kind/ }).click();
  await page.getByRole('option', { name: 'Locust' }).click();
}

async function faultsOf(page: Page): Promise<string[]> {
  const { violations } = await new AxeBuilder({ page }).analyze();
  return violations.filter((one) => one.impact === 'serious' || one.impact === 'critical').map((one) => `${one.id}: ${one.nodes[0]?.html.slice(0, 240)}`);
}

/** How far the page is wider than the window. */
const beside = (page: Page) => page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);

const WIDTHS = [390, 1440];

for (const width of WIDTHS) {
  for (const colorScheme of ['light', 'dark'] as const) {
    test.describe(`${width} px, ${colorScheme}`, () => {
      test.use({ viewport: { width, height: 900 }, colorScheme });
      let problems: string[];
      test.beforeEach(async ({ page }) => {
        fake = await startFake({ regions: 2 });
        problems = problemsOf(page);
        page.on('dialog', (dialog) => void dialog.accept());
      });
      for (const name of Object.keys(PAGES)) {
        test(`${name} is accessible`, async ({ page }) => {
          await show(page, name);
          expect(await faultsOf(page)).toEqual([]);
          expect(await beside(page), 'wider than the window').toBeLessThanOrEqual(0);
          expect(problems).toEqual([]);
        });
      }
      test('what opens on a page is accessible', async ({ page }) => {
        await show(page, 'result');
        await page.getByRole('button', { name: /^Runners/ }).click();
        await expect(page.getByText('It was not heard for 10 s')).toBeVisible();
        await page.getByRole('button', { name: 'Details of status-5xx' }).click();
        await expect(page.getByText('HTTP/1.1 503')).toBeVisible();
        expect(await faultsOf(page)).toEqual([]);
        await show(page, 'result');
        await page.getByRole('button', { name: 'Info about trust' }).click();
        await expect(page.getByText('Whether the numbers may be believed.')).toBeVisible();
        expect(await faultsOf(page)).toEqual([]);
        expect(problems).toEqual([]);
      });
    });
  }
}

for (const width of WIDTHS) {
  test(`hostile texts stay texts at ${width} px`, async ({ page }) => {
    await page.setViewportSize({ width, height: 900 });
    fake = await startFake({ isHostile: true, labels: 12, regions: 2, scenarios: 12 });
    const problems = problemsOf(page);
    page.on('dialog', (dialog) => {
      // A page that was changed asks before it is left.
      if (dialog.type() !== 'beforeunload') problems.push(dialog.message());
      void dialog.accept();
    });
    for (const name of Object.keys(PAGES)) {
      await show(page, name);
      if ((await beside(page)) > 0) problems.push(`${name}: ${await beside(page)} px wider than the window`);
      if ((await page.locator('img[src="x"], [onerror]').count()) > 0) problems.push(`${name}: an element was made of a text`);
      if (/^1$/.test(await page.title())) problems.push(`${name}: a text was run`);
      const height = await page.evaluate(() => document.documentElement.scrollHeight);
      if (height > 14_000) problems.push(`${name}: ${height} px high`);
    }
    await show(page, 'result');
    await page.getByRole('button', { name: 'Details of status-5xx' }).click();
    await expect(page.getByText('HTTP/1.1 503').first()).toBeVisible();
    expect(await page.locator('img[src="x"]').count()).toBe(0);
      // A reversed name is seen to be one, and does not turn around what follows it.
    await expect(page.getByText('[U+202E]gpj.exe').first()).toBeVisible();
    const isolated = await page.locator('bdi', { hasText: 'gpj.exe' }).first().evaluate((node) => getComputedStyle(node).unicodeBidi);
    expect(isolated).toContain('isolate');
    expect(problems).toEqual([]);
  });
}

for (const width of WIDTHS) {
  for (const name of Object.keys(PAGES)) {
    test(`everything of ${name} is reached by keyboard at ${width} px`, async ({ page }) => {
      await page.setViewportSize({ width, height: 900 });
      page.on('dialog', (dialog) => void dialog.accept());
      fake = await startFake({ regions: 2 });
      await show(page, name);
      expect(await unreachable(page)).toEqual([]);
    });
  }
}

test('what is for a mouse alone is found', async ({ page }) => {
  await page.setContent('<main><button>a</button><div style="cursor: pointer">only a mouse</div><button tabindex="-1">no Tab</button><span role="tablist"><button role="tab">1</button><button role="tab" tabindex="-1">2</button></span></main>');
  fake = await startFake();
  expect((await unreachable(page)).map((one) => one.slice(0, 24))).toEqual(['not met by Tab: <button ', 'for a mouse alone: <div ']);
});

test('a chart is read by keyboard', async ({ page }) => {
  fake = await startFake();
  await show(page, 'result');
  const cursor = page.getByRole('slider', { name: 'Requests per second: cursor' });
  await cursor.focus();
  await page.keyboard.press('Home');
  await expect(cursor).toHaveAttribute('aria-valuetext', /^0:00: finished 50\/s/);
  await page.keyboard.press('ArrowRight');
  await expect(cursor).toHaveAttribute('aria-valuetext', /^0:01: finished/);
  // The other charts' cursors go along.
  await expect(page.getByRole('slider', { name: 'Response times of ok answers: cursor' })).toHaveAttribute('aria-valuetext', /^0:01: p50 ≈/);
  await page.keyboard.press('+');
  await expect(page).toHaveURL(/from=30&to=90/);
  await page.keyboard.press('Shift+ArrowRight');
  await expect(page).toHaveURL(/from=60&to=120/);
  await page.keyboard.press('0');
  await expect(page).not.toHaveURL(/from=/);
});

test('transactions and what is requested once stand apart from the requests', async ({ page }) => {
  fake = await startFake({ labels: 3 });
  await show(page, 'result');
  const rows = page.getByRole('table', { name: 'Transactions' }).getByRole('row');
  await expect(rows).toHaveCount(3);
  // 1/9 of 120 s × 50 requests: 666 in 120 s, of which 3 failed.
  await expect(rows.nth(1)).toHaveText(/^buy6665\.55\/s0\.45 %25\.4 ms61\.0 ms104 ms183 ms549 ms$/);
  await expect(page.getByText('1 more had begun and not ended when the load did.')).toBeVisible();
  await expect(page.getByText('In no number: 2 requests of setup in 41.3 ms, 1 request of teardown in 9.10 ms, which failed. DELETE /carts: answered 503')).toBeVisible();
  await expect(page.getByRole('heading', { name: 'Response times by label' })).toContainText('(3)');
});

test('a note is added, changed, refused and removed', async ({ page }) => {
  fake = await startFake();
  await page.goto(`${fake.url}/#/scenarios/test000000/runs/run0000001`);
  await page.getByRole('button', { name: 'Add a note' }).click();
  const field = page.getByRole('textbox', { name: 'Note' });
  await field.fill('x'.repeat(2_001));
  await expect(page.getByText('It is too long by 1 characters: shorten it.')).toBeVisible();
  await field.fill('<b>new</b> cache');
  fake.broken.set('/note', [503, '']);
  await page.getByRole('button', { name: 'Keep', exact: true }).click();
  await expect(page.getByText(/The note was not kept: The server answered 503/)).toBeVisible();
  fake.broken.clear();
  await page.getByRole('button', { name: 'Keep', exact: true }).click();
  await expect(page.getByText('<b>new</b> cache')).toBeVisible();
  await page.goto(`${fake.url}/#/scenarios/test000000`);
  await expect(page.getByRole('table', { name: 'Runs' }).getByText('<b>new</b> cache')).toBeVisible();
  await expect(page.getByRole('link', { name: /run0000001.*note: <b>new<\/b> cache/ })).toBeAttached();
  await page.goto(`${fake.url}/#/scenarios/test000000/runs/run0000001`);
  await page.getByRole('button', { name: 'Change the note' }).click();
  await page.getByRole('button', { name: 'Remove', exact: true }).click();
  await expect(page.getByRole('button', { name: 'Add a note' })).toBeVisible();
});

test('a result is taken away', async ({ page }) => {
  fake = await startFake({ isHostile: true, labels: 6 });
  await show(page, 'result');
  const taken = async (name: RegExp): Promise<string> => {
    await page.getByRole('button', { name: 'Download' }).click();
    const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('menuitem', { name }).click()]);
    const stream = await download.createReadStream();
    const chunks: Buffer[] = [];
    for await (const chunk of stream) chunks.push(chunk as Buffer);
    return Buffer.concat(chunks).toString();
  };
  expect(JSON.parse(await taken(/^Report/))).toMatchObject({ testRunId: 'run0000002' });
  const labels = await taken(/^Labels/);
  expect(labels.split('\r\n')[0]).toMatch(/^of,name,requests,ok,failed,rate_per_s,/);
  expect(labels).toContain(`"'=HYPERLINK(""http://x"",""y"")"`);
  expect(labels.split('\r\n').filter((row) => row.startsWith('transaction,'))).toHaveLength(2);
  expect((await taken(/^Seconds/)).trim().split('\r\n')).toHaveLength(1 + 3 * 120);
  const xml = await taken(/^Thresholds/);
  expect(await page.evaluate((text) => new DOMParser().parseFromString(text, 'text/xml').querySelectorAll('parsererror').length, xml)).toBe(0);
  expect(xml).toContain('failures="1"');
});

test('a draft is tried once: each step with its answer, its checks and what was extracted', async ({ page }) => {
  fake = await startFake({});
  await show(page, 'create');
  await expect(page.getByRole('button', { name: 'Try once' })).toBeDisabled();
  await page.getByLabel('Paste a URL or a curl command').fill('http://127.0.0.1:8080/login');
  await page.getByRole('button', { name: 'Add request' }).click();
  await tryOnce(page);
  const [posted] = fake.posted;
  expect(posted).toMatchObject({ oneOff: true, keep_exchanges: 'all', testTaskConfigs: [{ region: 'lo-home-1', taskCount: 1, concurrency: 1 }] });
  expect(posted).toMatchObject({ testScenario: { execution: [{ scenario: 'main', iterations: 1 }], scenarios: { main: { requests: [{ url: 'http://127.0.0.1:8080/login' }] } } } });
  await expect(page.getByText('id = 7')).toBeVisible();
  await expect(page.getByText('token = [redacted]')).toBeVisible();
  await expect(page.getByText('{"id":7}')).toBeVisible();
  await expect(page.getByText('The body does not contain "total".')).toBeVisible();
  await expect(page.getByText(/no answer, timeout-first-byte/)).toBeVisible();
  await expect(page.getByText('(nothing came)')).toBeVisible();

  // Tried again it is the same one-off scenario, with what the draft is by then.
  await page.getByLabel('Paste a URL or a curl command').fill('http://127.0.0.1:8080/cart');
  await page.getByRole('button', { name: 'Add request' }).click();
  await expect(page.getByText('The requests were changed since.')).toBeVisible();
  await page.getByRole('button', { name: 'Try once' }).click();
  await expect(page.getByText('The requests were changed since.')).toBeHidden();
  expect(fake.posted[1]).toMatchObject({ testId: 'oneoff0001', testScenario: { scenarios: { main: { requests: [{}, { url: 'http://127.0.0.1:8080/cart' }] } } } });

  // A refusal stands here, and at the field that it is about.
  fake.broken.set('/scenarios', [400, 'INVALID_REQUEST_BODY: testScenario.scenarios.main.requests[1].url: must begin with http:// or https://']);
  await page.getByRole('button', { name: 'Try once' }).click();
  await expect(page.getByText('It was not tried')).toBeVisible();
  await expect(page.getByLabel('URL', { exact: true })).toHaveAttribute('aria-invalid', 'true');
});

test('a call that is not answered says so after its deadline', async ({ page }) => {
  fake = await startFake({});
  await page.clock.install();
  fake.silent.add('/stack-info');
  await page.goto(`${fake.url}/#/settings`);
  await expect.poll(() => fake.asked.some((one) => one.endsWith('/stack-info'))).toBe(true);
  await page.clock.fastForward(21_000);
  await expect(page.getByText(/No answer came within 20 s/)).toBeVisible();
  expect(fake.asked.filter((one) => one.endsWith('/stack-info'))).toHaveLength(1);
  fake.silent.clear();
  await page.getByRole('button', { name: 'Try again' }).click();
  await expect(page.getByText('Compatible with DLT')).toBeVisible();
  // What the pages are made of is told.
  await page.goto(`${fake.url}/licenses.txt`);
  await expect(page.getByText(/react-dom \d+\.\d+\.\d+ \(MIT\)/)).toBeVisible();
});
