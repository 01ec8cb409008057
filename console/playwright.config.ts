// The browser flow: against a real `dlt up` and a small target of its own, in the
// Chromium that is installed. DLT_BIN names the binary, CHROMIUM the browser.
import { defineConfig } from '@playwright/test';

export default defineConfig({
  testDir: 'tests',
  // Started by a test of the stack that it needs.
  testIgnore: process.env.DLT_EMULATED_STACK ? [] : ['emulator.spec.ts'],
  timeout: 180_000,
  expect: { timeout: 15_000 },
  workers: 1,
  reporter: 'line',
  use: {
    viewport: { width: 1440, height: 900 },
    trace: 'off',
    actionTimeout: 30_000,
    launchOptions: { executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: ['--no-sandbox'] },
  },
});
