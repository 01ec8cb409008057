// An access token as a person pastes it: what of it can be sent, and what it says of
// itself. Whether it is good is the server's word alone.

export interface Claims {
  /** Who it is of; empty where it does not say. */
  name: string;
  /** When it ends, ms; undefined where it does not say. */
  until?: number;
}

/** RFC 6750, 2.1: what a token is made of. */
const TOKEN = /^[A-Za-z0-9._~+/-]+=*$/;
/** As long as the server reads one. */
const LONGEST = 16_384;

/** The token of a pasted text: without the words of a header, quotes, and the breaks of a terminal. */
export function cleaned(text: string): string {
  return text.trim().replace(/^authorization:\s*/i, '').replace(/^bearer\s+/i, '').replace(/\s+/g, '').replace(/^(["'])(.*)\1$/, '$2');
}

/** Why a text cannot be a token; empty where it can. */
export function fault(token: string): string {
  if (token === '') return 'Paste a token first.';
  if (token.length > LONGEST) return `It has ${token.length} characters, and no token has more than ${LONGEST}: paste the token alone.`;
  if (!TOKEN.test(token)) return 'It has characters that no token has: paste the token alone, like eyJraWQi….';
  return '';
}

/** What a JWT says of itself; nothing where it is none, since only the server need read it. */
export function claimsOf(token: string): Claims {
  try {
    const part = (token.split('.')[1] ?? '').replaceAll('-', '+').replaceAll('_', '/');
    const bytes = Uint8Array.from(atob(part), (letter) => letter.charCodeAt(0));
    const claims = JSON.parse(new TextDecoder().decode(bytes)) as Record<string, unknown>;
    const named = [claims['username'], claims['client_id'], claims['sub']].find((one) => typeof one === 'string' && one !== '');
    const end = claims['exp'];
    return { name: typeof named === 'string' ? named : '', ...(typeof end === 'number' && Number.isFinite(end) ? { until: end * 1000 } : {}) };
  } catch {
    return { name: '' };
  }
}
