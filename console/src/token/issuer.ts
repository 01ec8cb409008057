// Who gives tokens for this server: its protected resource metadata (RFC 9728), which it
// shows without a token. It may be told in no way at all.

export interface Issuer {
  /** Addresses of who gives them. */
  issuers: string[];
  /** What a token must be allowed. */
  scopes: string[];
}

const METADATA = '/.well-known/oauth-protected-resource';
const LONGEST_ANSWER_MS = 5_000;
/** Of each list, so many are told. */
const MOST = 5;

export async function issuer(ask: typeof fetch = fetch): Promise<Issuer> {
  try {
    const answer = await ask(METADATA, { signal: AbortSignal.timeout(LONGEST_ANSWER_MS) });
    const told = answer.ok ? ((await answer.json()) as Record<string, unknown>) : {};
    return { issuers: texts(told['authorization_servers']), scopes: texts(told['scopes_supported']) };
  } catch {
    return { issuers: [], scopes: [] };
  }
}

function texts(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((one): one is string => typeof one === 'string').slice(0, MOST) : [];
}
