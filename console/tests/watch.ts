// What a page must not do, wherever it is: errors in the console, breaches of the policy,
// and things that only a mouse can reach.
import type { Page } from '@playwright/test';

/** Collects what goes wrong on a page from now on; a browser tells breaches of the policy as errors. */
export function problemsOf(page: Page): string[] {
  const problems: string[] = [];
  page.on('pageerror', (error) => problems.push(String(error)));
  page.on('console', (message) => {
    // At home there is no such file: the console asks, and a browser writes down the answer.
    if (message.location().url.endsWith('/aws-exports.json')) return;
    if (message.type() === 'error') problems.push(`${message.text()} ${message.location().url}`);
  });
  return problems;
}

/** More tabs than any page has. */
const MOST_TABS = 600;

/**
 * What can be pressed on the page and not be reached by the keyboard: every control must be
 * met by Tab, or be in a group (tabs, radio buttons, a toolbar) of which one is; and what
 * has a pointer for the mouse must be, or be in, such a control.
 */
export async function unreachable(page: Page): Promise<string[]> {
  await page.evaluate(() => {
    (document.activeElement as HTMLElement | null)?.blur();
    window.scrollTo(0, 0);
    Object.assign(window, { met: new Set<Element>() });
  });
  // Tab begins where something was pressed last, and goes around by way of the browser's own.
  for (let n = 0; n < MOST_TABS; n++) {
    await page.keyboard.press('Tab');
    const isAround = await page.evaluate(() => {
      const { met } = window as unknown as { met: Set<Element> };
      const at = document.activeElement;
      if (!at || at === document.body) return false;
      if (met.has(at)) return true;
      met.add(at);
      return false;
    });
    if (isAround) break;
  }
  return page.evaluate(() => {
    const { met } = window as unknown as { met: Set<Element> };
    const GROUPS = '[role=tablist], [role=radiogroup], [role=toolbar], [role=menu], [role=listbox], [role=grid], [role=treegrid]';
    const CONTROLS = 'a[href], button, input, select, textarea, summary, [role=button], [role=link], [role=slider], [role=separator][tabindex], [tabindex="0"]';
    const isSeen = (one: Element) => one.checkVisibility({ visibilityProperty: true, opacityProperty: true }) && one.getClientRects().length > 0 && !one.closest('[aria-hidden=true], [inert]');
    const isOff = (one: Element) => one.matches(':disabled, [aria-disabled=true]') || one.closest('fieldset:disabled') !== null;
    const isMet = (one: Element) => met.has(one) || [...met].some((other) => other.closest(GROUPS) !== null && other.closest(GROUPS) === one.closest(GROUPS)) || (one instanceof HTMLInputElement && one.type === 'radio' && [...met].some((other) => other instanceof HTMLInputElement && other.name === one.name));
    const say = (why: string, one: Element) => `${why}: ${one.outerHTML.slice(0, 160)}`;
    const lost = [...document.querySelectorAll(CONTROLS)].filter((one) => isSeen(one) && !isOff(one) && !isMet(one)).map((one) => say('not met by Tab', one));
    const mouse = [...document.querySelectorAll('main *')]
      .filter((one) => isSeen(one) && getComputedStyle(one).cursor === 'pointer' && !one.closest(`${CONTROLS}, label, [role=option], [role=tab]`) && !one.querySelector(CONTROLS))
      .filter((one) => one.parentElement && getComputedStyle(one.parentElement).cursor !== 'pointer')
      .map((one) => say('for a mouse alone', one));
    return [...lost, ...mouse];
  });
}
