import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { asInline, DATA_PLACE, makeReport } from '../../scripts/report-file.mjs';

const template = readFileSync(new URL('../../report.html', import.meta.url), 'utf8');

it('runs its own script alone', () => {
  const code = 'const a = "</script><script>", b = "<!--", c = "$&";\r\nrun(a);\n';
  const html = makeReport(template, code, 'b{}');
  const [, script = ''] = /<script>([\s\S]*?)<\/script>/.exec(html) ?? [];
  expect(script).toBe(asInline(code));
  expect(script).not.toMatch(/<\/?script|<!--|\r/);
  expect(html).toContain(`script-src 'sha256-${createHash('sha256').update(script).digest('base64')}'`);
  expect(html).toContain("default-src 'none'");
  expect(html.indexOf(DATA_PLACE)).toBe(html.lastIndexOf(DATA_PLACE));
  expect(html.indexOf(DATA_PLACE)).toBeLessThan(html.indexOf('<script>'));
});

it('says the same as before', () => {
  // What a browser makes of the text.
  expect(eval(asInline('"</script><SCRIPT><!-- <b>"'))).toBe('</script><SCRIPT><!-- <b>');
});

it('carries the notices of what it is made of, in a comment', () => {
  const html = makeReport(template, 'run()', '', 'react 1 (MIT)\n<b>$&</b>\n');
  expect(html).toContain('<!--\nreact 1 (MIT)\n<b>$&</b>\n-->');
  for (const end of ['-->', '--!>']) expect(() => makeReport(template, '', '', end)).toThrow('comment');
});

it('refuses what would load or break it', () => {
  expect(() => makeReport(template, '', '@font-face{src:url(x.woff2)}')).toThrow('loads nothing');
  expect(() => makeReport(template, '', 'a{background:url(x.png)}')).toThrow('loads nothing');
  expect(() => makeReport(template, '', 'a{background:url(data:image/png;base64,x)}')).not.toThrow();
  expect(() => makeReport(template, `"${DATA_PLACE.replace('<', '\u003c')}"`, '')).not.toThrow();
  expect(() => makeReport(template.replace(DATA_PLACE, ''), '', '')).toThrow('once');
  expect(() => makeReport(template, '\0', '')).toThrow('NUL');
  // A comparison with something of that name is no text: better no report than a broken one.
  expect(() => makeReport(template, 'let script = 2; 1<script', '')).toThrow(SyntaxError);
});
