// Characters that are not seen but change what is: control characters, separators and
// marks of direction. They are shown as what they are, so that "gpj.exe" cannot pass for "exe.jpg".

/** Separators of lines and paragraphs; marks, embeddings, overrides and isolates of direction (Unicode UAX #9). */
const UNSEEN = /[\u061c\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

export function visible(text: string): string {
  return text
    .replace(/\p{Cc}/gu, (one) => {
      const code = one.charCodeAt(0);
      if (one === '\n' || one === '\t' || one === '\r') return one;
      // Unicode has a picture of each: ␛ for escape.
      return code < 0x20 ? String.fromCharCode(0x2400 + code) : code === 0x7f ? '\u2421' : '\ufffd';
    })
    .replace(UNSEEN, (one) => `[U+${one.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0')}]`);
}
