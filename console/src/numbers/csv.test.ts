import { expect, it } from 'vitest';
import { csv } from './csv';

it('quotes what needs it', () => {
  expect(csv([['label', 'count'], ['a,b', 1], ['say "x"', 2.5], ['two\nlines', null], [' space', undefined], ['', Number.NaN]])).toBe(
    'label,count\r\n"a,b",1\r\n"say ""x""",2.5\r\n"two\nlines",\r\n" space",\r\n,\r\n',
  );
});

it('makes no formula of a text', () => {
  for (const text of ['=1+1', '+1', '-1', '@x', '\t=1', '  =1', '＝1', '\r=1']) expect(csv([[text]])).toMatch(/^"?'/);
  expect(csv([['=HYPERLINK("http://x","y")']])).toBe(`"'=HYPERLINK(""http://x"",""y"")"\r\n`);
  // A part behind a semicolon may be a cell of its own.
  expect(csv([['a;=1;b', 'x; -1', "'=2", 'a;b=c']])).toBe(`"a;'=1;b","x;' -1",''=2,"a;b=c"\r\n`);
  // Numbers stay numbers, negative ones too.
  expect(csv([[-1, 'GET /a=b', 'a-b']])).toBe('-1,GET /a=b,a-b\r\n');
});
