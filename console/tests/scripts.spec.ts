// Scripts of JMeter, k6 and Locust as a user of the console runs them: the real tools
// (DLT_ENGINES, which cargo xtask test installs), chosen, sent and run from the page; the
// result counts what came to the target.
import { expect, test } from '@playwright/test';
import { problemsOf } from './watch';
import { start, type World } from './world';

const engines = process.env.DLT_ENGINES;
test.skip(!engines, 'DLT_ENGINES names no folder of k6, Locust and JMeter');

/** A tool that starts, on a busy machine. */
const LONGEST = 90_000;

let world: World;
test.beforeAll(async () => {
  process.env.PATH = `${engines}/bin:${process.env.PATH}`;
  process.env.JMETER_HOME = `${engines}/jmeter`;
  world = await start({ flags: ['--scripts'] });
});
test.afterAll(async () => {
  await world.end();
});

const k6 = (target: string) => `import http from 'k6/http';
export const options = { vus: 1, duration: '1h' };
export default function () { http.get('${target}/page', { tags: { name: 'home page' } }); }
`;

const locust = (target: string) => `from locust import HttpUser, task
class Shop(HttpUser):
    host = '${target}'
    @task
    def home(self):
        self.client.get('/page', name='home page')
`;

const jmeter = (target: string) => {
  const { hostname, port } = new URL(target);
  const text = (name: string, value: string) => `<stringProp name="${name}">${value}</stringProp>`;
  const none = '<collectionProp name="Arguments.arguments"/>';
  const group = `<elementProp name="ThreadGroup.main_controller" elementType="LoopController">${text('LoopController.loops', '-1')}</elementProp>${text('ThreadGroup.num_threads', '1')}${text('ThreadGroup.ramp_time', '0')}`;
  const request = `<elementProp name="HTTPsampler.Arguments" elementType="Arguments">${none}</elementProp>${text('HTTPSampler.domain', hostname)}${text('HTTPSampler.port', port)}${text('HTTPSampler.protocol', 'http')}${text('HTTPSampler.path', '/page')}${text('HTTPSampler.method', 'GET')}`;
  return `<?xml version="1.0" encoding="UTF-8"?><jmeterTestPlan version="1.2" properties="5.0" jmeter="5.5"><hashTree><TestPlan guiclass="TestPlanGui" testclass="TestPlan" testname="plan"/><hashTree><ThreadGroup guiclass="ThreadGroupGui" testclass="ThreadGroup" testname="users">${group}</ThreadGroup><hashTree><HTTPSamplerProxy guiclass="HttpTestSampleGui" testclass="HTTPSamplerProxy" testname="home page">${request}</HTTPSamplerProxy><hashTree/></hashTree></hashTree></hashTree></jmeterTestPlan>`;
};

for (const { tool, name, script } of [
  { tool: 'k6', name: 'shop.ts', script: k6 },
  { tool: 'Locust', name: 'shop.py', script: locust },
  { tool: 'JMeter', name: 'shop.jmx', script: jmeter },
]) {
  test(`a script of ${tool} is chosen, run and counted`, async ({ page }) => {
    test.setTimeout(2 * LONGEST);
    const problems = problemsOf(page);
    const before = world.count();
    await page.goto(`${world.url}/#/create`);
    await page.getByRole('button', { name: tool, exact: true }).click();
    await page.locator('input[type=file]').first().setInputFiles({ name, mimeType: 'text/plain', buffer: Buffer.from(script(world.target)) });
    await page.getByLabel('Name', { exact: true }).fill(`script of ${tool}`);
    await page.getByLabel('Users', { exact: true }).fill('2');
    await page.getByLabel('Then holds for').fill('3s');
    await page.getByRole('button', { name: 'Keep and run' }).click();
    await expect(page.getByText(new RegExp(`times are those of ${tool} \\d`))).toBeVisible({ timeout: LONGEST });
    await expect(page.getByText('home page').first()).toBeVisible();
    // The page's own numbers are the API's, and those are what the target saw.
    const [, id, run] = /scenarios\/([^/]+)\/runs\/([^/?]+)/.exec(page.url()) ?? [];
    const record = (await (await fetch(`${world.api}/scenarios/${id}/testruns/${run}`)).json()) as { status: string; account: { sent: number; ok: number } };
    expect(record.status).toBe('complete');
    expect(record.account.sent).toBe(world.count() - before);
    expect(record.account.ok).toBeGreaterThan(100);
    expect(problems).toEqual([]);
  });
}
