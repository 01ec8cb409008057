// Which folder may import which, as README.md says it, and no loops. Reads the sources.
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const SOURCE = fileURLToPath(new URL('.', import.meta.url));
/** From the top: a folder imports from itself and from those below it. */
const FOLDERS = ['report', 'pages', 'charts', 'app', 'aws', 'token', 'ui', 'plan', 'live', 'api', 'numbers'];
/** Types alone may come from here, wherever one stands. */
const TYPES = /^api\/(types|schema)$/;
/** They put the whole together. */
const TOPS = new Set(['main', 'app/App']);

interface Import {
  to: string;
  isType: boolean;
}

/** Files by their path without its ending, with what each imports of ours. */
type Sources = Map<string, Import[]>;

function importsOf(path: string, text: string): Import[] {
  const found = text.matchAll(/(?:^|\n)\s*(?:import|export)\s+(type\s)?[^;'"]*?from\s+'(\.[^']+)'|(?:^|\n)import\s+'(\.[^']+)'|import\('(\.[^']+)'\)/g);
  return [...found].flatMap(([, type, from, bare, lazily]) => {
    const target = from ?? bare ?? lazily ?? '';
    if (target.endsWith('.css')) return [];
    return [{ to: normalize(join(dirname(path), target)).replaceAll('\\', '/'), isType: type !== undefined }];
  });
}

/** "pages/Home imports api/client" and the like. */
function breachesOf(sources: Sources): string[] {
  const place = (path: string) => FOLDERS.indexOf(path.split('/')[0] ?? '');
  return [...sources].flatMap(([path, imports]) =>
    imports.flatMap(({ to, isType }) => {
      if (TOPS.has(path) || (isType && TYPES.test(to))) return [];
      if (place(to) < 0 || place(path) < 0) return [`${path} imports ${to}: no folder of README.md`];
      return place(to) >= place(path) ? [] : [`${path} imports ${to}: it stands above`];
    }),
  );
}

/** Loops, each as its files in order; types are gone when it runs, and close none. */
function loopsOf(sources: Sources): string[] {
  const done = new Set<string>();
  const loops: string[] = [];
  const walk = (path: string, trail: string[]) => {
    if (trail.includes(path)) {
      loops.push([...trail.slice(trail.indexOf(path)), path].join(' → '));
      return;
    }
    if (done.has(path)) return;
    for (const { to, isType } of sources.get(path) ?? []) if (!isType) walk(to, [...trail, path]);
    done.add(path);
  };
  for (const path of sources.keys()) walk(path, []);
  return loops;
}

function read(): Sources {
  const files = readdirSync(SOURCE, { recursive: true, encoding: 'utf8' }).filter((name) => /\.tsx?$/.test(name) && !/\.test\.ts$/.test(name));
  return new Map(files.map((name) => {
    const path = relative('.', name).replaceAll('\\', '/').replace(/\.tsx?$/, '');
    return [path, importsOf(path, readFileSync(join(SOURCE, name), 'utf8'))];
  }));
}

it('holds for the sources', () => {
  const sources = read();
  expect(new Set([...sources.keys()].filter((path) => path.includes('/')).map((path) => path.split('/')[0]))).toEqual(new Set(FOLDERS));
  for (const imports of sources.values()) for (const { to } of imports) expect(sources.has(to), `${to} is imported, and was not found`).toBe(true);
  expect(breachesOf(sources)).toEqual([]);
  expect(loopsOf(sources)).toEqual([]);
});

it('is the order that README.md tells', () => {
  const readme = readFileSync(join(SOURCE, '../README.md'), 'utf8');
  expect([...readme.matchAll(/^\| `src\/(\w+)`/gm)].map(([, name]) => name)).toEqual(FOLDERS);
});

it('finds a breach that is planted', () => {
  const planted: Sources = new Map([
    ['numbers/format', importsOf('numbers/format', "import { ask } from '../api/client';\nimport type { Block } from '../api/types';\n")],
    ['api/client', importsOf('api/client', "import {\n  a,\n} from './queries';\nexport { b } from '../numbers/format';\n")],
    ['api/queries', importsOf('api/queries', "import { c } from './client';\nconst d = import('../pages/Home');\n")],
    ['pages/Home', []],
    ['api/types', []],
    ['charts/Line', importsOf('charts/Line', "import '../pages/Home';\nimport type { X } from '../pages/Home';\nimport x from '../other/y';\n")],
    ['app/App', importsOf('app/App', "import Home from '../pages/Home';\n")],
  ]);
  expect(breachesOf(planted)).toEqual([
    'numbers/format imports api/client: it stands above',
    'api/queries imports pages/Home: it stands above',
    'charts/Line imports pages/Home: it stands above',
    'charts/Line imports pages/Home: it stands above',
    'charts/Line imports other/y: no folder of README.md',
  ]);
  expect(loopsOf(planted)).toEqual([
    'api/client → api/queries → api/client',
    'numbers/format → api/client → numbers/format',
  ]);
});
