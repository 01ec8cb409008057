// Takes the pictures of docs/images: each page of a real `dlt up` with real runs, light
// and dark, at 1440 and 390 px, as one sheet a page; and those that the documents show by
// themselves. PICTURES_HOME keeps the runs for another take, PICTURES_OUT the whole pages.
import { expect, test, type Page } from '@playwright/test';
import { mkdir, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startPool } from '../tests/pool';
import { start, type World } from '../tests/world';
import { endLong, makeRuns, SHOP, send, startLong, startShop, type Shop } from './shop';

const IMAGES = resolve(fileURLToPath(new URL('../../docs/images', import.meta.url)));
const OUT = process.env.PICTURES_OUT ?? '';
const HOME = process.env.PICTURES_HOME ?? '';
const SHOP_PORT = 8080;
/** How long a live run goes on before its picture. */
const LIVE_S = 75;
/** A run that the machine spoils is watched again so often. */
const MOST_TAKES = 4;
/** A sheet shows so much of a page, px from its top. */
const SHEET_HEIGHT = 1500;
const WIDTHS = [1440, 390];

/** Pages by name: address, what stands on it when all is there, and what the documents show of it. */
interface Shown {
  path: string;
  seen: string | RegExp;
  /** Height at 1440 px in light of the picture for the documents, px. */
  alone?: number;
  act?: (page: Page) => Promise<void>;
}

let world: World;
let shop: Shop;
let runs: string[] = [];

test.beforeAll(async () => {
  test.setTimeout(1_200_000);
  shop = await startShop(SHOP_PORT);
  world = await start(HOME ? { home: HOME } : {});
  const rows = await send(world.api, 'GET', `/scenarios/${SHOP}/testruns?limit=20`).catch(() => ({ testRuns: [] }));
  const ended = (rows['testRuns'] as { testRunId: string; endTime?: string }[]).filter((run) => run.endTime).map((run) => run.testRunId).reverse();
  runs = ended.length >= 5 ? ended.slice(0, 5) : await makeRuns(world.api, shop);
  // Of a take that was broken off.
  if (ended.length > 5) await send(world.api, 'DELETE', `/scenarios/${SHOP}/testruns`, ended.slice(5));
});
test.afterAll(async () => {
  await world?.end();
  shop?.end();
});

function pages(): Record<string, Shown> {
  const [base = '', newest = ''] = [runs[1], runs[4]];
  const scenario = `/scenarios/${SHOP}`;
  return {
    home: { path: '/', seen: 'Lately', alone: 700 },
    scenarios: { path: '/scenarios', seen: 'Nightly, pay', alone: 620 },
    scenario: { path: scenario, seen: 'Trend', alone: 1250 },
    result: { path: `${scenario}/runs/${newest}`, seen: 'Load generator', alone: 2390 },
    compare: { path: `${scenario}/compare?run=${newest}&with=${base}`, seen: /^(Worse|Better|Nothing|The same)/, alone: 1250 },
    create: { path: '/create', seen: 'What it comes to', alone: 1250, act: drafted },
    edit: { path: `${scenario}/edit`, seen: 'What it comes to' },
    yaml: { path: `${scenario}/edit?view=yaml`, seen: 'The whole scenario' },
    regions: { path: '/regions', seen: 'Room' },
    agents: { path: '/agents', seen: 'Then ask' },
    settings: { path: '/settings', seen: 'This browser' },
  };
}

/** A draft with a curl command that was tried. */
async function drafted(page: Page): Promise<void> {
  const paste = page.getByLabel('Paste a URL or a curl command');
  await paste.fill(`curl '${shop.url}/login' -H 'Content-Type: application/json' -d '{"user":"anna"}'`);
  await page.getByRole('button', { name: 'Add request' }).click();
  await paste.fill(`${shop.url}/search`);
  await page.getByRole('button', { name: 'Add request' }).click();
  await page.getByRole('button', { name: 'Try once' }).click();
  await expect(page.getByText('2 requests were sent; all are ok.')).toBeVisible({ timeout: 60_000 });
  await page.getByRole('button', { name: 'Arrivals' }).click();
  await page.getByLabel('Arrivals per second').fill('20');
}

/** Waits until nothing moves: no fetch, no spinner, fonts there. */
async function atEase(page: Page, seen: string | RegExp): Promise<void> {
  await expect(page.locator('main').getByText(seen).first()).toBeVisible({ timeout: 30_000 });
  await expect(page.getByText(/^Loading/)).toHaveCount(0);
  await page.evaluate(() => document.fonts.ready);
  await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
  await page.mouse.move(0, 0);
  await page.evaluate(() => {
    (document.activeElement as HTMLElement | null)?.blur();
    window.scrollTo(0, 0);
  });
}

/** The window as high as its page: what stays in sight while one scrolls stands where it does at first. */
async function asHighAsItsPage(page: Page, width: number): Promise<void> {
  const height = await page.evaluate(() => document.documentElement.scrollHeight);
  await page.setViewportSize({ width, height: Math.max(900, height) });
  await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
}

interface Taken {
  width: number;
  scheme: string;
  png: Buffer;
}

async function take(page: Page, name: string, { path, seen, act }: Shown): Promise<Taken[]> {
  const taken: Taken[] = [];
  for (const width of WIDTHS) {
    for (const scheme of ['light', 'dark'] as const) {
      await page.setViewportSize({ width, height: 900 });
      await page.emulateMedia({ colorScheme: scheme, reducedMotion: 'reduce' });
      if (act && taken.length > 0) await page.evaluate(() => window.scrollTo(0, 0));
      else {
        await page.goto('about:blank');
        await page.goto(`${world.url}/#${path}`);
        await act?.(page);
      }
      await atEase(page, seen);
      await asHighAsItsPage(page, width);
      taken.push({ width, scheme, png: await page.screenshot({ animations: 'disabled', caret: 'hide' }) });
      if (OUT) {
        await mkdir(OUT, { recursive: true });
        await writeFile(join(OUT, `${name}-${width}-${scheme}.png`), taken[taken.length - 1]?.png ?? '');
      }
    }
  }
  return taken;
}

/** Pictures beside each other, cut below and made smaller, as WebP: the browser has what that needs. */
async function sheet(page: Page, parts: Buffer[], height: number, scale: number): Promise<Buffer> {
  await page.goto('about:blank');
  const data = await page.evaluate(
    async ([sources, most, by]) => {
      const images = await Promise.all(
        sources.map(async (source) => {
          const image = new Image();
          image.src = `data:image/png;base64,${source}`;
          await image.decode();
          return image;
        }),
      );
      const tall = Math.min(most, Math.max(...images.map((one) => one.height)));
      const gap = images.length > 1 ? 16 : 0;
      const canvas = document.createElement('canvas');
      canvas.width = Math.round((images.reduce((sum, one) => sum + one.width + gap, -gap)) * by);
      canvas.height = Math.round(tall * by);
      const context = canvas.getContext('2d');
      if (!context) throw new Error('no canvas');
      context.imageSmoothingQuality = 'high';
      context.fillStyle = '#8a97a8';
      context.fillRect(0, 0, canvas.width, canvas.height);
      let left = 0;
      for (const one of images) {
        const cut = Math.min(tall, one.height);
        context.drawImage(one, 0, 0, one.width, cut, left * by, 0, one.width * by, cut * by);
        left += one.width + gap;
      }
      return canvas.toDataURL('image/webp', 0.82);
    },
    [parts.map((part) => part.toString('base64')), height, scale] as const,
  );
  return Buffer.from(data.slice(data.indexOf(',') + 1), 'base64');
}

async function keep(page: Page, name: string, taken: Taken[], alone: number | undefined): Promise<void> {
  await writeFile(join(IMAGES, `page-${name}.webp`), await sheet(page, taken.map((one) => one.png), SHEET_HEIGHT, 0.5));
  const light = taken.find((one) => one.width === 1440 && one.scheme === 'light');
  if (alone && light) await writeFile(join(IMAGES, `console-${name}.webp`), await sheet(page, [light.png], alone, 1));
}

test('every page at rest', async ({ page }) => {
  test.setTimeout(600_000);
  const only = process.env.PICTURES_ONLY?.split(',');
  for (const [name, shown] of Object.entries(pages())) {
    if (only && !only.includes(name)) continue;
    await keep(page, name, await take(page, name, shown), shown.alone);
  }
});

test('a run in progress', async ({ page }) => {
  test.setTimeout(600_000);
  for (let n = 1; ; n++) {
    const run = await startLong(world.api, shop);
    await page.setViewportSize({ width: 1440, height: 900 });
    await page.goto(`${world.url}/#/scenarios/${SHOP}/runs/${run}`);
    await expect(page.locator('.figures')).toBeVisible({ timeout: 30_000 });
    await expect(page.getByText(/1:1\d of/).first()).toBeVisible({ timeout: (LIVE_S + 30) * 1000 });
    const isTrusted = (await page.getByText('trusted so far', { exact: true }).count()) > 0;
    const taken = isTrusted ? await take(page, 'live', { path: `/scenarios/${SHOP}/runs/${run}`, seen: 'trusted so far' }) : [];
    await endLong(world.api, shop, run);
    if (isTrusted) return keep(page, 'live', taken, 1460);
    expect(n, 'the machine is busy: try again later').toBeLessThan(MOST_TAKES);
  }
});

test('a home without a scenario, and a server that asks for a token', async ({ page }) => {
  const pool = await startPool();
  const before = world;
  for (const [name, options, seen] of [['first', {}, 'Test something'], ['sign-in', { flags: pool.flags }, /Tokens are given by/]] as const) {
    world = await start({ ...options, flags: [...('flags' in options ? options.flags : [])] });
    await keep(page, name, await take(page, name, { path: '/', seen }), undefined).finally(() => world.end());
  }
  world = before;
  pool.end();
});
