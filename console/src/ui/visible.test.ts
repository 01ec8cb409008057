import { expect, it } from 'vitest';
import { visible } from './visible';

it('shows what is not seen', () => {
  expect(visible('\u001b[31mred\u0007\u007f\u0085')).toBe('␛[31mred␇␡\ufffd');
  expect(visible('report \u202egpj.exe')).toBe('report [U+202E]gpj.exe');
  expect(visible('a\u2028b')).toBe('a[U+2028]b');
  expect(visible('a\nb\tc ü 漢字 שלום 👍')).toBe('a\nb\tc ü 漢字 שלום 👍');
});
