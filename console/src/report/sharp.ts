// Charts are drawn at least twice as fine as a plain screen needs: paper shows it, and a
// canvas that is drawn cannot be made finer while a page is printed. Imported first, since
// the chart library reads the ratio when it is loaded.
const screen = window.devicePixelRatio;

/** Dots of a canvas to one of the page. */
const LEAST = 2;

Object.defineProperty(window, 'devicePixelRatio', { configurable: true, get: () => Math.max(LEAST, screen) });

export {};
