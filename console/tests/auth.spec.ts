// The console of a `dlt up --auth`: it asks for an access token, says why one is not taken,
// keeps it for one tab, follows a run with it, and shows a reader what may not be changed.
import AxeBuilder from '@axe-core/playwright';
import { expect, test, type Page } from '@playwright/test';
import { startPool, type Pool } from './pool';
import { start, type World } from './world';

let world: World;
let pool: Pool;

test.beforeAll(async () => {
  pool = await startPool();
  world = await start({ flags: pool.flags });
});
test.afterAll(async () => {
  await world?.end();
  pool?.end();
});

const field = (page: Page) => page.getByLabel('Access token');

async function signIn(page: Page, token: string): Promise<void> {
  await field(page).fill(token);
  await page.getByRole('button', { name: 'Sign in', exact: true }).click();
}

async function accessible(page: Page): Promise<void> {
  const { violations } = await new AxeBuilder({ page }).analyze();
  expect(violations.filter((one) => one.impact === 'serious' || one.impact === 'critical').map((one) => one.id)).toEqual([]);
}

/** Everything that outlives a tab, or is sent elsewhere. */
const leftBehind = (page: Page) => page.evaluate(() => JSON.stringify([Object.entries(localStorage), document.cookie, location.href, document.documentElement.outerHTML]));

test('a token is asked for, refused with words, and opens the console for one tab', async ({ page, context }) => {
  const problems: string[] = [];
  page.on('pageerror', (error) => problems.push(String(error)));
  page.on('console', (message) => {
    // Refusals are what this is about: a browser writes each of them down.
    if (message.type() === 'error' && !/status of 40[0134]/.test(message.text())) problems.push(message.text());
  });
  await page.goto(`${world.url}/#/scenarios`);
  await expect(page.getByRole('heading', { name: 'This server asks for a token' })).toBeVisible();
  await expect(page.getByText(/Tokens are given by https:\/\/cognito-idp\.eu-west-1.* with the scope dlt-mcp-gateway\/read/)).toBeVisible();
  await expect(field(page)).toBeFocused();
  await accessible(page);

  for (const [token, why] of [
    ['two words, and more', /characters that no token has/],
    ['nonsense', /did not take this token \(.*\)\. Get a new access token/],
    [pool.token({ exp: Math.floor(Date.now() / 1000) - 120 }), /the token has expired/],
    [pool.token({ token_use: 'id' }), /the token is no access token/],
    [pool.token({ client_id: 'machine', scope: 'openid' }), /is good, and may not look here \(the token lacks a scope\)/],
  ] as const) {
    await signIn(page, token);
    await expect(page.getByText(why)).toBeVisible();
  }
  // A whole header is taken for the token in it, and the page is the one that was asked for.
  const token = pool.token();
  await signIn(page, `Authorization: Bearer ${token}`);
  await expect(page.getByText('There is no scenario yet.')).toBeVisible();
  await expect(page.getByText('anna')).toBeVisible();
  await accessible(page);
  expect(await leftBehind(page)).not.toContain(token.split('.')[2]);
  await page.reload();
  await expect(page.getByText('There is no scenario yet.')).toBeVisible();

  const other = await context.newPage();
  await other.goto(world.url);
  await expect(field(other)).toBeVisible();
  await other.close();

  // Left for another site and come back to: what was shown before the sign-out is a page of
  // the console that is loaded anew, and asks.
  await page.goto(`${world.target}/elsewhere`);
  await page.goto(`${world.url}/#/settings`);
  await page.getByRole('button', { name: 'Sign out' }).click();
  await expect(field(page)).toBeVisible();
  expect(await page.evaluate(() => sessionStorage.length)).toBe(0);
  await page.goBack();
  await expect(page.getByText('{"ok":true}')).toBeVisible();
  await page.goBack();
  await expect(page).toHaveURL(`${world.url}/#/scenarios`);
  await expect(field(page)).toBeVisible();
  await expect(page.getByText('There is no scenario yet.')).toHaveCount(0);
  expect(problems).toEqual([]);
});

test('a run is started, followed and taken away with a token; its end loses nothing that was written', async ({ page }) => {
  await page.goto(world.url);
  await signIn(page, pool.token());
  const streams: (string | undefined)[] = [];
  page.on('request', (request) => {
    if (request.url().endsWith('/live')) streams.push(request.headers()['authorization']);
  });
  await page.goto(`${world.url}/#/create`);
  await page.getByLabel('Paste a URL or a curl command').fill(`${world.target}/always`);
  await page.getByRole('button', { name: 'Add request' }).click();
  await page.getByLabel('Name', { exact: true }).fill('with a token');
  await page.getByRole('button', { name: 'Arrivals' }).click();
  await page.getByLabel('Arrivals per second').fill('10');
  await page.getByLabel('Then holds for').fill('8s');
  await page.getByRole('button', { name: 'Keep and run' }).click();
  await expect(page.locator('.figures')).toContainText(/Rate\s*(9|10|11)(\.\d+)?\/s of 10/, { timeout: 30_000 });
  expect(streams.length).toBeGreaterThan(0);
  expect(streams.every((one) => one?.startsWith('Bearer ey'))).toBe(true);
  await expect(page.locator('.sentence').first()).toContainText(/^Finished/, { timeout: 60_000 });
  // Files are asked for with the token, too: a plain link has none.
  const [, run = ''] = /runs\/([^/?]+)/.exec(page.url()) ?? [];
  const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: `${run}.json` }).click()]);
  expect(download.suggestedFilename()).toBe(`${run}.json`);

  await page.getByRole('button', { name: 'Sign out' }).click();
  await page.goto(`${world.url}/#/create`);
  // Good for some more seconds: the server forgives a minute to clocks that differ.
  await signIn(page, pool.token({ exp: Math.floor(Date.now() / 1000) - 60 + 12 }));
  await page.getByLabel('Name', { exact: true }).fill('not lost');
  await expect(page.getByRole('heading', { name: 'Your token has ended' })).toBeVisible({ timeout: 60_000 });
  await accessible(page);
  await page.getByRole('button', { name: 'Stay signed out' }).click();
  // Nobody is signed in, and the page says so wherever something would be changed.
  const bar = page.getByRole('banner').filter({ hasText: 'dlt' });
  await expect(bar).toContainText('Signed out');
  const keep = page.getByRole('button', { name: 'Keep and run' });
  await expect(keep).toBeDisabled();
  await expect(keep).toHaveAccessibleDescription('Your sign-in has ended. Sign in again first.');
  await page.getByRole('button', { name: 'Sign in again' }).click();
  await signIn(page, pool.token());
  await expect(page.getByRole('heading', { name: 'Your token has ended' })).toBeHidden();
  await expect(page.getByText('Your sign-in has ended')).toBeHidden();
  await expect(page.getByLabel('Name', { exact: true })).toHaveValue('not lost');
});

test('a sign-out that is thought better of loses nothing that was written', async ({ page }) => {
  await page.goto(`${world.url}/#/create`);
  await signIn(page, pool.token());
  await page.getByLabel('Name', { exact: true }).fill('half written');
  // The browser asks whether to leave what was written.
  const asked = page.waitForEvent('dialog');
  page.on('dialog', (dialog) => void dialog.dismiss());
  await page.getByRole('button', { name: 'Sign out' }).click();
  expect((await asked).type()).toBe('beforeunload');
  expect(await page.evaluate(() => sessionStorage.length)).toBe(0);
  await expect(page.getByRole('heading', { name: 'You signed out' })).toBeVisible();
  await page.getByRole('button', { name: 'Stay signed out' }).click();
  await expect(page.getByRole('banner').filter({ hasText: 'dlt' })).toContainText('Signed out');
  await expect(page.getByLabel('Name', { exact: true })).toHaveValue('half written');
  await page.getByRole('button', { name: 'Sign in again' }).click();
  await signIn(page, pool.token());
  await expect(page.getByText('You signed out.')).toBeHidden();
  await expect(page.getByRole('banner').filter({ hasText: 'dlt' })).toContainText('anna');
  await expect(page.getByLabel('Name', { exact: true })).toHaveValue('half written');
});

/** Runs something short, so that there is a result to read. */
async function ran(): Promise<string> {
  const headers = { authorization: `Bearer ${pool.token()}` };
  const body = JSON.stringify({
    testName: 'to be read', testDescription: 'short', testType: 'simple', fileType: 'none', showLive: false, tags: [],
    testTaskConfigs: [{ region: 'lo-home-1', taskCount: 1, concurrency: 1 }], regionalTaskDetails: { 'lo-home-1': { dltAvailableTasks: 4 } },
    testScenario: { execution: [{ scenario: 'one', 'ramp-up': '0s', 'hold-for': '1s' }], scenarios: { one: { requests: [{ url: world.target, method: 'GET' }] } } },
  });
  const { testId } = await (await fetch(`${world.api}/scenarios`, { method: 'POST', headers, body })).json();
  await expect.poll(async () => (await (await fetch(`${world.api}/scenarios/${testId}`, { headers })).json()).status, { timeout: 60_000 }).toBe('complete');
  return testId;
}

test('a reader is told at each button why it does nothing', async ({ page }) => {
  const id = await ran();
  await page.goto(`${world.url}/#/scenarios`);
  await signIn(page, pool.reader());
  await expect(page.getByText('may look, not change')).toBeVisible();
  const why = 'Your token may look and not change: sign in with one that may write.';
  const locked = async (name: string) => {
    const button = page.getByRole('button', { name, exact: true }).first();
    await expect(button).toBeDisabled();
    await expect(button).toHaveAccessibleDescription(why);
  };
  await page.getByRole('radio', { name: 'to be read' }).check({ force: true });
  await locked('Run');
  await page.getByRole('button', { name: 'Actions' }).click();
  await expect(page.getByRole('menuitem', { name: 'Edit' })).toBeEnabled();
  await expect(page.getByRole('menuitem', { name: /^Delete/ })).toBeDisabled();
  await page.keyboard.press('Escape');
  await page.getByRole('link', { name: 'to be read' }).click();
  await locked('Run');
  await page.getByRole('table', { name: 'Runs' }).getByRole('link').first().click();
  await locked('Run again');
  await locked('Add a note');
  await page.goto(`${world.url}/#/scenarios/${id}/edit`);
  await locked('Try once');
  await locked('Keep');
  // The server says no as well, whatever a page would send.
  const answer = await fetch(`${world.api}/scenarios/${id}`, { method: 'DELETE', headers: { authorization: `Bearer ${pool.reader()}` } });
  expect(answer.status).toBe(403);
});
