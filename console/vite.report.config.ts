// Builds dist/report.html, the template of `dlt runs report`: one file that loads nothing.
// The console's charts are taken as they are; what they take from Cloudscape and from the
// console's theme is the report's own, a small part of the size.
import react from '@vitejs/plugin-react';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { defineConfig, type Plugin } from 'vite';
import { noticesOf, packagesOf } from './scripts/licenses.mjs';
import { makeReport } from './scripts/report-file.mjs';

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const COMPONENTS = '@cloudscape-design/components/';
const STAND_IN = '\0stand-in:';

/** Charts import `…/components/box`; they get `Box` of `plain.tsx`, or the build fails. */
function standIns(): Plugin {
  return {
    name: 'dlt-stand-ins',
    enforce: 'pre',
    resolveId(id) {
      if (id.startsWith(COMPONENTS)) return STAND_IN + id.slice(COMPONENTS.length);
      if (id.startsWith('@cloudscape-design/')) throw new Error(`${id} is too large for a report: it needs a stand-in`);
      return /\/app\/theme$/.test(id) ? here('src/report/theme.ts') : null;
    },
    load(id) {
      if (!id.startsWith(STAND_IN)) return null;
      const name = id.slice(STAND_IN.length).replace(/(?:^|-)(\w)/g, (_, letter: string) => letter.toUpperCase());
      return `export { ${name} as default } from ${JSON.stringify(here('src/report/plain.tsx'))};`;
    },
  };
}

function oneFile(): Plugin {
  return {
    name: 'dlt-one-file',
    enforce: 'post',
    async generateBundle(_, bundle) {
      let code = '';
      let styles = '';
      for (const [name, file] of Object.entries(bundle)) {
        if (file.type === 'chunk' && file.isEntry) code += file.code;
        else if (file.type === 'asset' && name.endsWith('.css')) styles += String(file.source);
        else throw new Error(`${name} does not go into a report of one file`);
        Reflect.deleteProperty(bundle, name);
      }
      const template = await readFile(here('report.html'), 'utf8');
      this.emitFile({ type: 'asset', fileName: 'report.html', source: makeReport(template, code, styles, noticesOf(await packagesOf(this.getModuleIds()))) });
    },
  };
}

export default defineConfig({
  plugins: [standIns(), react(), oneFile()],
  publicDir: false,
  build: {
    target: 'es2022',
    emptyOutDir: false,
    assetsInlineLimit: Infinity,
    modulePreload: false,
    cssCodeSplit: false,
    chunkSizeWarningLimit: 1200,
    rollupOptions: { input: here('src/report/main.tsx'), output: { format: 'iife' } },
  },
});
