// Takes the pictures of the pages: `npm run pictures`, with DLT_BIN and CHROMIUM as for the
// browser flows. No test: it is run when pages have changed.
import flows from './playwright.config';

export default { ...flows, testDir: 'pictures', testIgnore: [] };
