// The report's template: one file of `report.html` with script and styles inside, and a
// policy that lets that script run by its hash and nothing be loaded.
import { createHash } from 'node:crypto';
import { Script } from 'node:vm';

/** What `dlt runs report` replaces by the data of a run. */
export const DATA_PLACE = '<!-- dlt-report-data -->';

/** A script as it may stand between its tags: nothing in it ends or opens an element. */
export function asInline(code) {
  // The browser reads lines apart by LF alone and hashes what it read.
  return code.replace(/\r\n?/g, '\n').replace(/<(?=\/?script|!--)/gi, '\\x3C');
}

export function makeReport(template, code, styles, notices = '') {
  const script = asInline(code);
  if (script.includes('\0')) throw new Error('the script holds a NUL, which a browser replaces: its hash would be another');
  // Read, not run: what was escaped outside of a text is no script any more.
  new Script(script);
  if (/@import|@font-face|url\((?!["']?data:)/i.test(styles)) throw new Error('the styles load something: a report loads nothing');
  if (/<\/style/i.test(styles)) throw new Error('the styles end their element');
  const hash = createHash('sha256').update(script).digest('base64');
  const policy = `default-src 'none'; script-src 'sha256-${hash}'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'`;
  // A comment, for whoever passes the file on.
  if (/--!?>/.test(notices)) throw new Error('the notices end their comment');
  const html = put(
    put(put(put(template, 'notices', notices && `<!--\n${notices}-->`), 'policy', `<meta http-equiv="Content-Security-Policy" content="${policy}" />`), 'style', `<style>${styles}</style>`),
    'script',
    `<script>${script}</script>`,
  );
  if (html.split(DATA_PLACE).length !== 2) throw new Error(`${DATA_PLACE} must stand in the template once`);
  return html;
}

function put(html, name, text) {
  const place = `<!-- dlt-report-${name} -->`;
  if (html.split(place).length !== 2) throw new Error(`${place} must stand in report.html once`);
  // A function: `$&` in a script is no pattern.
  return html.replace(place, () => text);
}
