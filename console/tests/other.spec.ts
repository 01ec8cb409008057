// What happens besides: a server that goes and comes back in the middle of a run, a
// schedule with a data file, what the form does not know, and a home with one field.
import { expect, test } from '@playwright/test';
import { start, type World } from './world';

let world: World;

test.beforeAll(async () => {
  world = await start();
});
test.afterAll(async () => {
  await world.end();
});

test('home has one field, and a run survives the end of its server', async ({ page }) => {
  await page.goto(world.url);
  await page.getByLabel('Paste a URL or a curl command').fill(`curl ${world.target}/ -H 'X-Wait: 1'`);
  world.slow(400);
  await page.getByRole('button', { name: 'Run', exact: true }).click();
  await expect(page.getByText('1 loading')).toBeVisible({ timeout: 30_000 });
  await expect(page.locator('.figures')).toContainText('Users');
  await world.restart(async () => {
    await expect(page.getByText('Live data is interrupted')).toBeVisible({ timeout: 20_000 });
    await expect(page.getByText('The server does not answer: what is shown may be old.').first()).toBeVisible({ timeout: 20_000 });
  });
  await expect(page.getByText('Live data is interrupted')).toBeHidden({ timeout: 30_000 });
  await expect(page.locator('.sentence').first()).toContainText(/^Finished/, { timeout: 60_000 });
});

test('a schedule, a file, and fields that the form does not know', async ({ page }) => {
  await page.goto(`${world.url}/#/create?view=yaml`);
  const text = page.getByRole('textbox', { name: 'YAML' });
  await text.fill(`testName: nightly
testDescription: kept by hand
testType: simple
showLive: true
thresholds: ["p(95)<1s"]
testTaskConfigs: [{ region: lo-home-1, taskCount: 1, concurrency: 1 }]
testScenario:
  execution: [{ scenario: main, users: 2, hold-for: 10s, pacing: precise }]
  scenarios:
    main:
      requests: [{ url: "${world.target}/a", method: GET, extract-jsonpath: { ok: $.ok } }]
`);
  await page.getByRole('tab', { name: 'Form' }).click();
  await expect(page.getByText('p95').or(page.getByText('p(95)<1s')).first()).toBeVisible();
  await page.getByRole('radio', { name: 'By cron' }).check({ force: true });
  await page.getByRole('button', { name: 'weekdays at 6:30' }).click();
  await expect(page.getByText(/^\d{4}-\d\d-\d\d 06:30$/)).toHaveCount(5);
  await page.getByRole('spinbutton', { name: 'Users' }).fill('3');
  await page.getByRole('button', { name: 'Keep and schedule' }).click();
  await expect(page.getByText(/runs next at/).first()).toBeVisible();
  const [, id = ''] = /scenarios\/([^/?]+)/.exec(page.url()) ?? [];
  const record = await (await fetch(`${world.api}/scenarios/${id}`)).json();
  expect(record.cronValue).toBe('30 6 * * 1-5');
  expect(record.testScenario.execution[0]).toMatchObject({ users: 3, pacing: 'precise' });
  expect(record.testScenario.scenarios.main.requests[0]).toMatchObject({ 'extract-jsonpath': { ok: '$.ok' } });

  await page.goto(`${world.url}/#/scenarios/${id}/edit`);
  await expect(page.getByRole('radio', { name: 'By cron' })).toBeChecked();
  await page.locator('input[type=file]').setInputFiles({ name: 'people.csv', mimeType: 'text/csv', buffer: Buffer.from('name\nanna\n') });
  await expect(page.getByText('people.csv')).toBeVisible();
  await page.goto(`${world.url}/#/scenarios`);
  await expect(page.getByRole('row', { name: /nightly/ })).toContainText('06:30');
});

test('a script is kept with its file, and the API says that this server does not run it', async ({ page }) => {
  await page.goto(`${world.url}/#/create`);
  await page.getByRole('button', { name: 'k6', exact: true }).click();
  await page.getByLabel('Name', { exact: true }).fill('a script of k6');
  await page.locator('input[type=file]').setInputFiles({ name: 'shop.py', mimeType: 'text/plain', buffer: Buffer.from('x') });
  await expect(page.getByText('k6 takes a file that ends with .js, .ts, .mjs or .zip: choose another.')).toBeVisible();
  await page.getByRole('button', { name: 'Remove file 1' }).click();
  await page.locator('input[type=file]').setInputFiles({ name: 'shop.js', mimeType: 'text/javascript', buffer: Buffer.from('export default function () {}') });
  await page.getByRole('button', { name: 'Keep and run' }).click();
  await expect(page.getByText('It is kept, and does not run')).toBeVisible();
  await expect(page.getByText(/scripts of k6 are not run by this service/)).toBeVisible();
  await page.getByRole('radio', { name: 'Only keep it' }).check({ force: true });
  await page.getByRole('button', { name: 'Keep', exact: true }).click();
  await expect(page.getByText('It has not run yet.')).toBeVisible();
  const [, id = ''] = /scenarios\/([^/?]+)/.exec(page.url()) ?? [];
  const record = await (await fetch(`${world.api}/scenarios/${id}`)).json();
  expect(record).toMatchObject({ testType: 'k6', fileType: 'script' });
  const { files } = await (await fetch(`${world.api}/scenarios/${id}/files`)).json();
  expect(files.map((file: { name: string }) => file.name)).toEqual(['shop.js']);
  const { Items } = await (await fetch(`${world.api}/scenarios`)).json();
  expect(Items.filter((item: { testName: string }) => item.testName === 'a script of k6')).toHaveLength(1);
});

test('a draft is tried with its files: of a new scenario, and of one that has them already', async ({ page }) => {
  const plan = (url: string) => `testName: with people
testDescription: reads a file
testType: simple
showLive: true
testTaskConfigs: [{ region: lo-home-1, taskCount: 1, concurrency: 1 }]
testScenario:
  execution: [{ scenario: main, users: 1, hold-for: 10s }]
  scenarios:
    main:
      data-sources: [{ path: people.csv }]
      requests: [{ url: "${url}/hello?who=\${name}", method: GET }, { url: "${url}/cart", method: POST, body-file: cart.json }]
`;
  const csv = { name: 'people.csv', mimeType: 'text/csv', buffer: Buffer.from('name\nanna\n') };
  const cart = { name: 'cart.json', mimeType: 'application/json', buffer: Buffer.from('{"items":[7]}') };
  await page.goto(`${world.url}/#/create?view=yaml`);
  await page.getByRole('textbox', { name: 'YAML' }).fill(plan(world.target));
  await page.getByRole('tab', { name: 'Form' }).click();
  const once = page.getByRole('button', { name: 'Try once' });
  await expect(once).toBeDisabled();
  await expect(once).toHaveAccessibleDescription(/Choose people\.csv, cart\.json below first/);
  await expect(page.getByText('Choose what is missing here: it is kept with the scenario, too.')).toBeVisible();
  const [first] = [page.locator('input[type=file]').first()];
  await first.setInputFiles([csv, { ...cart, name: 'other.json' }]);
  await expect(page.getByText('other.json is not read by these requests: choose cart.json.')).toBeVisible();
  await first.setInputFiles(cart);
  await once.click();
  await expect(page.getByText('2 requests were sent; all are ok.')).toBeVisible({ timeout: 30_000 });
  await expect(page.getByText('GET /hello?who=anna HTTP/1.1')).toBeVisible();
  await expect(page.getByText('{"items":[7]}')).toBeVisible();

  // Kept, it has the files; a try of it is another run, and needs them from here.
  await page.getByRole('radio', { name: 'Only keep it' }).check({ force: true });
  await page.getByRole('button', { name: 'Keep', exact: true }).click();
  await expect(page.getByText('It has not run yet.')).toBeVisible();
  const [, id = ''] = /scenarios\/([^/?]+)/.exec(page.url()) ?? [];
  const { files } = await (await fetch(`${world.api}/scenarios/${id}/files`)).json();
  expect(files.map((file: { name: string }) => file.name).sort()).toEqual(['cart.json', 'people.csv']);
  await page.goto(`${world.url}/#/scenarios/${id}/edit`);
  await expect(page.getByText(/files that were kept before cannot be read back: choose them here once more/)).toBeVisible();
  await page.locator('input[type=file]').first().setInputFiles([{ ...csv, buffer: Buffer.from('name\nberta\n') }, cart]);
  await once.click();
  await expect(page.getByText('GET /hello?who=berta HTTP/1.1')).toBeVisible({ timeout: 30_000 });
  // What is kept is as it was.
  const kept = (await (await fetch(`${world.api}/scenarios/${id}/files`)).json()).files;
  expect(kept.find((file: { name: string }) => file.name === 'people.csv').bytes).toBe(10);
});
