// Builds the console into dist/: static files with hashed names, no inline script.
// In development it proxies the API of a `dlt up`, whose Host and Origin checks
// want its own address; DLT_API names it.
import react from '@vitejs/plugin-react';
import { defineConfig } from 'vitest/config';
import { licenses } from './scripts/licenses.mjs';

const api = process.env.DLT_API ?? 'http://127.0.0.1:7600';

export default defineConfig({
  base: './',
  plugins: [react(), licenses()],
  build: {
    target: 'es2022',
    // A file of its own is cached by its name; as a data: URL it would be parsed each time.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 1200,
    manifest: true,
  },
  server: { proxy: proxy() },
  preview: { proxy: proxy() },
  test: { include: ['src/**/*.test.ts'], environment: 'node' },
});

function proxy() {
  return { '/api': { target: api, changeOrigin: true, headers: { origin: api } } };
}
