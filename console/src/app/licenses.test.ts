// The notices of packages that are bundled: which there are, and what may not be bundled.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { folderOf, noticesOf, packagesOf } from '../../scripts/licenses.mjs';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'licenses-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

function write(path: string, text: string): string {
  const whole = join(folder, 'node_modules', path);
  mkdirSync(dirname(whole), { recursive: true });
  writeFileSync(whole, text);
  return whole;
}

function pack(name: string, license: string | undefined, texts: Record<string, string>): string {
  write(`${name}/package.json`, JSON.stringify({ name, version: '1.2.3', license }));
  for (const [file, text] of Object.entries(texts)) write(`${name}/${file}`, text);
  return write(`${name}/lib/index.js`, '');
}

it('finds the package of a module, inside another one and with a scope, too', () => {
  expect(folderOf('/a/src/main.tsx')).toBeUndefined();
  expect(folderOf('\0vite/preload-helper.js')).toBeUndefined();
  expect(folderOf('/a/node_modules/react/index.js')).toBe('/a/node_modules/react');
  expect(folderOf('\0/a/node_modules/react/index.js?commonjs-module')).toBe('/a/node_modules/react');
  expect(folderOf('/a/node_modules/@b/c/node_modules/d/e/f.css?used')).toBe('/a/node_modules/@b/c/node_modules/d');
  expect(folderOf('C:\\a\\node_modules\\@b\\c\\d.js')).toBe('C:/a/node_modules/@b/c');
});

it('keeps every text that a package asks to be kept, equal ones once', async () => {
  const modules = [
    pack('zed', 'MIT', { LICENSE: 'MIT by Zed\r\n', 'readme.md': 'not this' }),
    pack('@a/one', 'Apache-2.0', { LICENSE: 'Apache', NOTICE: 'of One', 'THIRD-PARTY-LICENSES': 'parts of Two' }),
    pack('b', 'Apache-2.0', { 'License.txt': 'Apache' }),
    pack('c', 'Apache-2.0', { 'license.md': 'Apache' }),
    '/somewhere/src/main.tsx',
  ];
  const packages = await packagesOf([...modules, ...modules]);
  expect(packages.map((one) => [one.name, one.text])).toEqual([
    ['@a/one', 'Apache\n\nof One\n\nparts of Two'],
    ['b', 'Apache'],
    ['c', 'Apache'],
    ['zed', 'MIT by Zed'],
  ]);
  const notices = noticesOf(packages);
  expect(notices).toContain('c 1.2.3 (Apache-2.0)\n\nThe same text as of b, above.');
  expect(notices).toContain('zed 1.2.3 (MIT)\n\nMIT by Zed');
});

it('bundles nothing under other terms, or without their text', async () => {
  await expect(packagesOf([pack('copyleft', 'GPL-3.0-only', { LICENSE: 'x' })])).rejects.toThrow('copyleft 1.2.3 is under GPL-3.0-only');
  await expect(packagesOf([pack('unsaid', undefined, { LICENSE: 'x' })])).rejects.toThrow('unsaid 1.2.3 is under no licence that it names');
  await expect(packagesOf([pack('textless', 'MIT', {})])).rejects.toThrow('textless 1.2.3 has no text of its licence');
});
