import { expect, it } from 'vitest';
import { pageAddress } from './start';

it('names the page as Cognito knows it', () => {
  const origin = 'https://d1.cloudfront.net';
  for (const pathname of ['/', '/index.html']) expect(pageAddress({ origin, pathname })).toBe(origin);
  for (const pathname of ['/console/', '/console/index.html']) expect(pageAddress({ origin, pathname })).toBe(`${origin}/console/`);
});
