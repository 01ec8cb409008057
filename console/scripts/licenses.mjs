// The notices of the packages whose code is in what a build makes: name, version, licence
// and the texts that they ask to be kept. A package under other terms, or without a text,
// fails the build: somebody has to look.
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** What may be shipped with Apache-2.0, as deny.toml says for crates. */
const ALLOWED = new Set(['0BSD', 'Apache-2.0', 'BSD-2-Clause', 'BSD-3-Clause', 'ISC', 'MIT']);
/** LICENSE, NOTICE, THIRD-PARTY-LICENSES and the like. */
const TEXTS = /^(licen[cs]e|copying|notice|third-party-(licen[cs]es|notices))([-.].*)?$/i;

/** The folder of the package that a module is in; undefined for a module of our own. */
export function folderOf(module) {
  const [, folder] = /^\0?(.*\/node_modules\/(?:@[^/]+\/)?[^/?]+)\//.exec(module.replaceAll('\\', '/')) ?? [];
  return folder;
}

async function packageOf(folder) {
  const { name, version, license } = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8'));
  if (!ALLOWED.has(license)) throw new Error(`${name} ${version} is under ${license ?? 'no licence that it names'}: it may be bundled once scripts/licenses.mjs allows that`);
  const names = (await readdir(folder)).filter((file) => TEXTS.test(file)).sort();
  if (names.length === 0) throw new Error(`${name} ${version} has no text of its licence (LICENSE, NOTICE): find it before the package is bundled`);
  const texts = await Promise.all(names.map((file) => readFile(join(folder, file), 'utf8')));
  return { name, version, license, text: texts.map((text) => text.replace(/\r\n?/g, '\n').trim()).join('\n\n') };
}

/** The packages of some modules, by name. */
export async function packagesOf(modules) {
  const folders = new Set([...modules].map(folderOf).filter((folder) => folder !== undefined));
  const packages = await Promise.all([...folders].map(packageOf));
  return packages.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
}

/** Their notices as a text for people; equal texts stand once. */
export function noticesOf(packages) {
  const first = new Map();
  const parts = packages.map(({ name, version, license, text }) => {
    const known = first.get(text);
    if (!known) first.set(text, name);
    return `${'='.repeat(72)}\n${name} ${version} (${license})\n\n${known ? `The same text as of ${known}, above.` : text}\n`;
  });
  return `Packages of others whose code is in these pages, and their licences.\ndlt itself is under the Apache License 2.0.\n\n${parts.join('\n')}`;
}

/** Writes `licenses.txt` beside what is built. */
export function licenses() {
  return {
    name: 'dlt-licenses',
    apply: 'build',
    async generateBundle() {
      this.emitFile({ type: 'asset', fileName: 'licenses.txt', source: noticesOf(await packagesOf(this.getModuleIds())) });
    },
  };
}
