// A run is changed from its page while it goes on: the target gets more, nothing, and more
// again, the load ends early, and the result tells each change.
import { expect, test, type Page } from '@playwright/test';
import { offset } from '../src/numbers/when';
import { asked } from './same';
import { start, type World } from './world';

let world: World;

test.beforeAll(async () => {
  world = await start();
});
test.afterAll(async () => {
  await world.end();
});
test.beforeEach(() => world.slow(0));

/** Starts a scenario with this load and opens its run. */
async function follow(page: Page, name: string, load: Record<string, unknown>): Promise<{ api: string; id: string; run: string }> {
  const body = {
    testName: name, testDescription: 'changed while it goes on', testType: 'simple', fileType: 'none', showLive: true, tags: [],
    testTaskConfigs: [{ region: 'lo-home-1', taskCount: 2, concurrency: 1 }], regionalTaskDetails: { 'lo-home-1': { dltAvailableTasks: 4 } },
    testScenario: { execution: [{ scenario: 'main', ...load }], scenarios: { main: { requests: [{ url: `${world.target}/always`, method: 'GET' }] } } },
  };
  const answer = await fetch(`${world.api}/scenarios`, { method: 'POST', body: JSON.stringify(body) });
  expect(answer.status, await answer.clone().text()).toBe(200);
  const { testId, testRunId } = await answer.json();
  await page.goto(`${world.url}/#/scenarios/${testId}/runs/${testRunId}?new=1`);
  return { api: world.api, id: testId, run: testRunId };
}

const press = (page: Page, name: string) => page.getByRole('button', { name, exact: true }).click();

/** The target gets about this many requests per second. */
async function comes(perSecond: number): Promise<void> {
  await expect.poll(() => Math.abs(world.rate() - perSecond), { timeout: 20_000, message: `about ${perSecond} requests per second` }).toBeLessThanOrEqual(perSecond * 0.1);
}

test('more, less, a pause and an early end reach the target, and stand in the result', async ({ page }) => {
  const run = await follow(page, 'changed by hand', { arrivals: 20, 'hold-for': '5m' });
  await expect(page.locator('.figures')).toContainText(/Rate\s*\d/, { timeout: 30_000 });
  await comes(20);
  for (const tenths of [11, 12, 13, 14, 15]) {
    await press(page, '10 % more');
    await expect(page.getByText(`${tenths * 10} % of the plan`, { exact: true })).toBeVisible();
  }
  await comes(30);
  await press(page, '10 % less');
  await expect(page.getByText('140 % of the plan', { exact: true })).toBeVisible();
  await press(page, 'Pause');
  await expect(page.getByText('paused', { exact: true })).toBeVisible();
  await expect(page.getByRole('button', { name: '10 % less', exact: true })).toBeDisabled();
  await comes(0);
  await press(page, 'Go on');
  await comes(28);
  // Read again, it is as others left it.
  await page.reload();
  await expect(page.getByText('140 % of the plan', { exact: true })).toBeVisible();

  await press(page, 'End gently');
  const question = page.getByRole('dialog');
  await question.getByText('Let it go on').click();
  await expect(question).toBeHidden();
  await press(page, 'End gently');
  await question.getByRole('button', { name: 'End gently' }).click();
  await expect(page.locator('.sentence').first()).toContainText(/^Finished/, { timeout: 60_000 });
  await comes(0);

  const { load, outcome, coverage } = await asked(run);
  expect(load.changes.map((change: { factor: number; end?: boolean }) => (change.end ? 'end' : change.factor))).toEqual([1.1, 1.2, 1.3, 1.4, 1.5, 1.4, 0, 1.4, 'end']);
  expect([outcome.word, coverage.complete]).toEqual(['finished', true]);
  const said = ['110 % of the plan', '120 % of the plan', '130 % of the plan', '140 % of the plan', '150 % of the plan', '140 % of the plan', 'paused', '140 % of the plan', 'ended, as asked'];
  const rows = page.getByRole('list', { name: 'Changes of the load' }).getByRole('listitem');
  await expect(rows).toHaveText(said.map((text, at) => `${offset(Math.floor(load.changes[at].at_us / 1e6))}: ${text}`));
});

test('what cannot be changed says why, and can be ended', async ({ page }) => {
  world.slow(150);
  await follow(page, 'a number of rounds', { users: 2, iterations: 10_000, 'hold-for': '10m' });
  await expect(page.locator('.figures')).toContainText(/Users\s*2/, { timeout: 30_000 });
  await press(page, '10 % more');
  await expect(page.getByText(/The load was not changed: .*has a fixed number of iterations or requests/)).toBeVisible();
  await expect(page.getByText('110 % of the plan')).toHaveCount(0);
  await press(page, 'End gently');
  await page.getByRole('dialog').getByRole('button', { name: 'End gently' }).click();
  await expect(page.locator('.sentence').first()).toContainText(/^Finished/, { timeout: 60_000 });
  await expect(page.getByRole('list', { name: 'Changes of the load' }).getByRole('listitem')).toHaveText([/: ended, as asked$/]);
});
