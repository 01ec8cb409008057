// The console of a stack on AWS, without AWS: signed in by the managed login, asking a
// signed API, following a redirect to the bucket, live over topics, signed out. It needs no
// `dlt`; what plays AWS is in `aws/`.
import AxeBuilder from '@axe-core/playwright';
import { chromium, expect, test, type Browser, type BrowserContext, type Page } from '@playwright/test';
import { PASSWORD } from './aws/cognito';
import { RUN, TEST } from './aws/data';
import { HOSTS, PAGE } from './aws/hosts';
import { policy, World } from './aws/world';

let world: World;
let browser: Browser;
let context: BrowserContext;
let page: Page;
const said: string[] = [];

test.beforeEach(async () => {
  world = await new World().start();
  browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    // All of the stack's hosts are here, with a certificate that nobody has signed.
    args: ['--no-sandbox', '--no-proxy-server', '--ignore-certificate-errors', `--host-resolver-rules=MAP * 127.0.0.1:${world.port}`],
  });
  context = await browser.newContext({ ignoreHTTPSErrors: true, viewport: { width: 1440, height: 900 } });
  page = await context.newPage();
  said.length = 0;
  page.on('console', (message) => said.push(message.text()));
  page.on('pageerror', (error) => said.push(`pageerror ${String(error)}`));
});
test.afterEach(async () => {
  await browser.close();
  await world.end();
});

async function signIn(user = 'anna@example.com'): Promise<void> {
  await expect(page.getByLabel('Email')).toBeVisible();
  expect(new URL(page.url()).host).toBe(HOSTS.signIn);
  await page.getByLabel('Email').fill(user);
  await page.getByLabel('Password').fill(PASSWORD);
  await page.getByRole('button', { name: 'Sign in' }).click();
}

async function accessible(what: string): Promise<void> {
  const { violations } = await new AxeBuilder({ page }).analyze();
  const serious = violations.filter((one) => one.impact === 'serious' || one.impact === 'critical');
  expect(serious.map((one) => `${what}: ${one.id} ${one.nodes[0]?.html.slice(0, 200)}`)).toEqual([]);
}

/** Neither scripts of strangers nor secrets where they may be read later. */
async function nothingLeaked(): Promise<void> {
  expect(said.filter((text) => /Content Security Policy|pageerror/.test(text))).toEqual([]);
  const kept = await page.evaluate(() => JSON.stringify(localStorage));
  for (const secret of world.cognito.secrets) {
    expect(page.url()).not.toContain(secret);
    expect(kept).not.toContain(secret);
    expect(said.some((text) => text.includes(secret))).toBe(false);
  }
  // Only the API and the topics see a session's token in an address, and they must.
  const tokens = world.cognito.secrets.map(encodeURIComponent);
  const seen = world.asked.filter((line) => !line.startsWith(HOSTS.api) && tokens.some((token) => line.includes(token)));
  expect(seen).toEqual([]);
}

test('signed in, asked, live, signed out', async () => {
  await page.goto(`${PAGE}/#/scenarios`);
  await signIn();
  // Back where it was wanted, without the code.
  await expect(page.getByRole('link', { name: 'a shop on AWS' })).toBeVisible();
  await expect(page).toHaveURL(`${PAGE}/#/scenarios`);
  await expect(page.getByText('anna@example.com')).toBeVisible();
  expect(world.cognito.did).toEqual(['signed in', 'credentials']);
  await accessible('scenarios');

  // Late: the first 30 seconds come from the bucket, the others over the topic.
  await page.goto(`${PAGE}/#/scenarios/${TEST}/runs/${RUN}`);
  await expect(page.getByRole('button', { name: 'Cancel the run' })).toBeVisible();
  // The first attempt came before the policy was known.
  await expect.poll(() => world.watching).toBe(1);
  await expect(page.getByText('Live data is interrupted')).toBeHidden();
  for (let at = 30; at < 40; at++) await world.tick(at, `dlt/${TEST}`);
  const figures = page.locator('.figures');
  await expect(page.getByText('2 loading')).toBeVisible();
  await expect(figures).toContainText(/Rate\s*20(\.0)?\/s/);
  await expect(figures).toContainText(/Finished\s*500/);
  expect(world.api.did).toContain('bucket GET /answers/timeline.json');
  await world.publish(`dlt/${TEST}/events`, { event: 'note', data: { note: 'a runner was lost' } });
  await expect(page.getByText('a runner was lost')).toBeVisible();

  // A break is told, and mended by itself; seconds that nobody heard are read once they are stored.
  const asked = () => world.api.did.filter((line) => line.endsWith('/timeline')).length;
  const before = asked();
  world.unsettled = 2;
  world.dropTopics();
  await expect(page.getByText('Live data is interrupted')).toBeVisible();
  await expect(page.getByText('Live data is interrupted')).toBeHidden();
  await world.tick(40, `dlt/${TEST}`);
  await expect(figures).toContainText(/Finished\s*520/);
  await expect.poll(asked, { timeout: 30_000 }).toBe(before + 1);

  // Credentials that end are replaced, and nobody notices.
  world.cognito.expire();
  world.api.did.length = 0;
  await page.goto(`${PAGE}/#/settings`);
  await expect(page.getByText('cloudformation').or(page.getByText('4.2.3')).first()).toBeVisible();
  expect(world.api.did.filter((line) => line.startsWith('refused'))).not.toEqual([]);
  // A file, which lies in the bucket.
  const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: 'openapi.json' }).click()]);
  expect(download.suggestedFilename()).toBe('openapi.json');
  expect(world.api.did).toContain('bucket GET /answers/openapi.json');
  expect(world.api.did.filter((line) => line.startsWith('bucket refused'))).toEqual([]);
  await nothingLeaked();

  await page.getByRole('button', { name: 'Sign out' }).click();
  await expect(page.getByLabel('Email')).toBeVisible();
  expect(world.cognito.did).toEqual(expect.arrayContaining(['revoked', 'signed out']));
  await page.goBack();
  await expect(page.getByLabel('Email')).toBeVisible();
});

test('a file goes to the bucket, and a change is signed', async () => {
  await page.goto(`${PAGE}/#/scenarios/${TEST}/edit`);
  await signIn();
  await page.locator('input[type=file]').setInputFiles({ name: 'people.csv', mimeType: 'text/csv', buffer: Buffer.from('name\nanna\n') });
  await expect(page.getByText('people.csv', { exact: true })).toBeVisible();
  expect(world.api.stored.get('people.csv')).toBe('name\nanna\n');
  expect(world.api.did).toEqual(expect.arrayContaining([`POST /scenarios/${TEST}/files`, 'bucket PUT /public/people.csv']));
  await page.goto(`${PAGE}/#/scenarios/${TEST}/runs/${RUN}`);
  await page.getByRole('button', { name: 'Cancel the run' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Cancel the run' }).click();
  await expect(page.getByText('The run is being cancelled')).toBeVisible();
  expect(world.api.did).toContain(`POST /scenarios/${TEST}`);
  await nothingLeaked();
});

test('a reader looks, and reads in the words of the API why it may not change', async () => {
  await page.goto(`${PAGE}/#/scenarios/${TEST}/runs/${RUN}`);
  await signIn('reader@example.com');
  await page.getByRole('button', { name: 'Cancel the run' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Cancel the run' }).click();
  await expect(page.getByText(/is not authorized to perform: execute-api:Invoke .* Your user may look and not change\. Whoever runs this stack/)).toBeVisible();
});

test('a sign-in is renewed without the user, and begun anew when it is over', async () => {
  world.cognito.lasts = 240;
  await page.goto(`${PAGE}/#/scenarios`);
  await signIn();
  await expect(page.getByRole('link', { name: 'a shop on AWS' })).toBeVisible();
  world.cognito.lasts = 3600;
  await page.reload();
  await expect(page.getByRole('link', { name: 'a shop on AWS' })).toBeVisible();
  expect(world.cognito.did).toContain('renewed');
  // Over in the middle of a page: that is told, and what is on the page stays.
  world.cognito.revokeAll();
  world.cognito.expire();
  await expect(page.getByText('Your sign-in has ended. What is on this page')).toBeVisible();
  await expect(page.getByRole('link', { name: 'a shop on AWS' })).toBeVisible();
  await page.getByRole('button', { name: 'Sign in again' }).click();
  await expect(page.getByText('Your sign-in has ended')).toBeHidden();
  await expect(page).toHaveURL(`${PAGE}/#/scenarios`);

  // Over before the page is loaded: the sign-in begins at once.
  await page.evaluate(() => sessionStorage.setItem('dlt-tokens', sessionStorage.getItem('dlt-tokens')?.replace(/"refresh":"[^"]*"/, '"refresh":"none"').replace(/"until":\d+/, '"until":1') ?? ''));
  await page.reload();
  // Cognito still knows the user: no form is needed.
  await expect(page.getByRole('link', { name: 'a shop on AWS' })).toBeVisible();
  expect(world.cognito.did).toContain('not renewed');
  await expect(page).toHaveURL(`${PAGE}/#/scenarios`);
});

test('a sign-in that fails says why and what to do', async () => {
  world.cognito.isDisabled = true;
  await page.goto(`${PAGE}/#/scenarios`);
  await expect(page.getByText('You are not signed in')).toBeVisible();
  await expect(page.getByText(/Cognito refused the sign-in \(User is disabled\.\)\. Try again/)).toBeVisible();
  await expect(page).toHaveURL(/^https:\/\/d1\.cloudfront\.net\/(#.*)?$/);
  await accessible('not signed in');
  world.cognito.isDisabled = false;
  await page.getByRole('button', { name: 'Try again' }).click();
  await signIn();
  await expect(page.getByText('anna@example.com')).toBeVisible();
  // A code of somebody else's is nobody's sign-in.
  await page.goto(`${PAGE}/?code=stolen&state=other#/scenarios`);
  await expect(page.getByText('anna@example.com')).toBeVisible();
  await expect(page).toHaveURL(/^https:\/\/d1\.cloudfront\.net\/(#.*)?$/);
});

test('the policy of infra is whole', async () => {
  const text = await policy();
  expect(text).toMatch(/^default-src 'self';.* connect-src 'self' https:\/\/abc\.execute-api/);
  expect(text).not.toContain('$');
  expect(text).toContain(`wss://${HOSTS.topics}`);
});
