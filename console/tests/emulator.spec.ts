// The console of a stack as `dlt deploy hub` made it, on an emulator of AWS: a person signs
// in with the password that was mailed, starts a scenario, watches it live, reads its
// result. Login page, tokens, credentials, API, workflow, runners, bucket and topics are
// the emulator's and the stack's own. The test of the stack (tests/end_to_end) starts this
// and compares what is printed here with the target's log.
import { chromium, expect, test, type Browser, type Page } from '@playwright/test';
import { Front, type Emulated } from './aws/front';

const NEW_PASSWORD = 'Correct-Horse-7-Staple';
/** On the emulator tasks are started and results are merged by processes of this machine. */
const LONGEST_RUN_MS = 90_000;

const stack = JSON.parse(process.env.DLT_EMULATED_STACK ?? 'null') as Emulated;
let front: Front;
let browser: Browser;
let page: Page;
const said: string[] = [];

test.beforeAll(async () => {
  front = await new Front(stack).start();
  browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    // All hosts of the stack are the front's, with a certificate that nobody has signed.
    args: ['--no-sandbox', '--no-proxy-server', '--ignore-certificate-errors', `--host-resolver-rules=MAP * 127.0.0.1:${front.port}`],
  });
  page = await (await browser.newContext({ ignoreHTTPSErrors: true, viewport: { width: 1440, height: 900 } })).newPage();
  page.on('console', (message) => said.push(message.text()));
  page.on('pageerror', (error) => said.push(`pageerror ${String(error)}`));
});
test.afterAll(async () => {
  await browser.close();
  await front.end();
});

async function signIn(password: string): Promise<void> {
  await page.getByLabel('Username').fill(stack.user);
  await page.getByLabel('Password').fill(password);
  await page.getByRole('button', { name: 'Sign in' }).click();
}

test('a person signs in, starts a scenario, watches it live and reads its result', async () => {
  await page.goto(`${stack.console}/#/create`);
  await expect(page).toHaveURL(/\.auth\.[\w-]+\.amazoncognito\.com\//);
  expect([front.authorize.get('code_challenge_method'), front.authorize.get('response_type')]).toEqual(['S256', 'code']);
  await signIn('not-the-password');
  await expect(page.getByText('Incorrect username or password.')).toBeVisible();
  await signIn(stack.password);
  // The first password is for one sign-in.
  await page.getByLabel('New password', { exact: true }).fill(NEW_PASSWORD);
  await page.getByLabel('Confirm new password').fill(NEW_PASSWORD);
  await page.getByRole('button', { name: 'Update password' }).click();

  // Back where it was wanted, signed in.
  await expect(page.getByRole('heading', { name: 'Create scenario' })).toBeVisible();
  await expect(page).toHaveURL(`${stack.console}/#/create`);
  await expect(page.getByText(stack.user)).toBeVisible();
  expect(front.token.get('code_verifier')).toMatch(/^[\w.~-]{43,}$/);

  await page.getByLabel('Paste a URL or a curl command').fill(`${stack.target}/cart`);
  await page.getByRole('button', { name: 'Add request' }).click();
  await page.getByLabel('Name', { exact: true }).fill('by a person in a browser');
  await page.getByRole('button', { name: 'Arrivals' }).click();
  await page.getByLabel('Arrivals per second').fill('20');
  await page.getByLabel('Then holds for').fill('12s');
  await page.getByRole('button', { name: 'error_rate<1%' }).click();
  await page.getByRole('button', { name: 'Keep and run' }).click();

  // Live: by topics, since nothing else tells of a second before the first ten are stored.
  const figures = page.locator('.figures');
  await expect(page.getByRole('button', { name: 'Cancel the run' })).toBeVisible();
  await expect(page.getByText('1 loading')).toBeVisible({ timeout: LONGEST_RUN_MS });
  await expect(figures).toContainText(/Rate\s*(1[5-9]|2[0-4])(\.\d+)?\/s of 20/, { timeout: 20_000 });
  expect(front.asked.filter((one) => /^UPGRADE .*\.iot\..*\/mqtt$/.test(one)).length).toBeGreaterThan(0);

  // The result: judged, believed, and complete.
  await expect(page.getByRole('button', { name: 'Run again' })).toBeVisible({ timeout: LONGEST_RUN_MS });
  await expect(page.locator('.sentence').first()).toContainText(/^Passed, \w+: 95 % of answers within/);
  const row = page.getByRole('table', { name: 'Response times by label' }).getByRole('row').nth(1);
  await expect(row.getByRole('rowheader')).toHaveText('all requests');
  const shown = await row.getByRole('cell').first().innerText();
  // The runner's report comes from the bucket, by a link that the API answers.
  const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: /\.xml$/ }).first().click()]);
  expect(download.suggestedFilename()).toMatch(/\.xml$/);
  expect(front.asked.filter((one) => /^GET s3\.[\w-]+\.amazonaws\.com\//.test(one)).length).toBeGreaterThan(0);

  // Nothing that a stack refuses, no script of strangers, no secret where it may be read later.
  expect(front.faults).toEqual([]);
  expect(said.filter((text) => /Content Security Policy|pageerror/.test(text))).toEqual([]);
  const kept = await page.evaluate(() => JSON.stringify(localStorage));
  for (const secret of front.secrets) expect(kept + page.url()).not.toContain(secret);
  expect(front.secrets.length).toBeGreaterThan(2);

  await page.getByRole('button', { name: 'Sign out' }).click();
  await expect(page.getByLabel('Username')).toBeVisible();
  console.log(`\nSHOWN ${JSON.stringify({ requests: Number(shown.replace(/[^\d]/g, '')) })}`);
});
