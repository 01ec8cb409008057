// Says whether src/api/schema.ts is what openapi-typescript makes of the API's
// document today. `npm run generate` writes it.
import { readFile } from 'node:fs/promises';
import openapi, { astToString } from 'openapi-typescript';

const document = new URL('../../dlt-core/openapi.json', import.meta.url);
const kept = new URL('../src/api/schema.ts', import.meta.url);
const made = astToString(await openapi(document));
const text = await readFile(kept, 'utf8');
// The command line writes a heading before the types.
const body = text.slice(text.indexOf('export interface paths'));
if (body.trim() !== made.slice(made.indexOf('export interface paths')).trim()) {
  console.error('src/api/schema.ts is not made from dlt-core/openapi.json as it is now: run `npm run generate`');
  process.exit(1);
}
