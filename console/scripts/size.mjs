// Adds up what a browser loads first, compressed as gzip -9 does: index.html and all
// scripts and styles that it names, with what those import at once. Then the template of
// reports, which is kept and mailed as it is: uncompressed. Fails over the limits.
import { readFile, stat } from 'node:fs/promises';
import { gzipSync } from 'node:zlib';

const LIMIT_BYTES = 500 * 1000;
const REPORT_LIMIT_BYTES = 1500 * 1000;
const dist = new URL('../dist/', import.meta.url);
const seen = new Map();

async function add(path) {
  if (seen.has(path)) return;
  const bytes = await readFile(new URL(path, dist));
  seen.set(path, gzipSync(bytes, { level: 9 }).length);
  if (!path.endsWith('.js')) return;
  // Static imports alone; import() is loaded when its page is opened.
  const found = bytes.toString().matchAll(/(?:from|import)\s*"\.\/([\w.-]+\.js)"/g);
  for (const [, name] of found) await add(`assets/${name}`);
}

const html = await readFile(new URL('index.html', dist), 'utf8');
seen.set('index.html', gzipSync(html, { level: 9 }).length);
for (const [, path] of html.matchAll(/(?:src|href)="\.\/(assets\/[^"]+)"/g)) await add(path);
// The first page is Home: its files belong to the first load.
const manifest = JSON.parse(await readFile(new URL('.vite/manifest.json', dist), 'utf8').catch(() => '{}'));
const home = manifest['src/pages/Home.tsx'];
async function addEntry(entry) {
  if (!entry) return;
  await add(entry.file);
  for (const css of entry.css ?? []) await add(css);
  for (const name of entry.imports ?? []) if (!seen.has(manifest[name].file)) await addEntry(manifest[name]);
}
await addEntry(home);
let sum = 0;
for (const [path, size] of [...seen].sort((a, b) => b[1] - a[1])) {
  sum += size;
  console.log(String(size).padStart(8), path);
}
console.log(String(sum).padStart(8), `bytes in all, of ${LIMIT_BYTES} allowed`);
const { size: report } = await stat(new URL('report.html', dist));
console.log(String(report).padStart(8), `bytes of a report without its data, of ${REPORT_LIMIT_BYTES} allowed`);
if (sum > LIMIT_BYTES || report > REPORT_LIMIT_BYTES) process.exit(1);
