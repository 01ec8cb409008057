// The token of a `dlt up --auth`: asked for when the server wants one, kept for this tab
// alone, and gone with it or with a sign-out. How it is asked for is the frame's.
import { ApiError, read } from '../api/client';
import { beside, type Home } from '../api/home';
import { claimsOf, cleaned, fault, type Claims } from './claims';

const KEPT = 'dlt-token';
/** How long the server may take to look at a token. */
const LONGEST_ANSWER_MS = 20_000;

/** What a person sees of it. */
export interface State extends Claims {
  /** A token is wanted before anything can be shown, or the one that was good is no longer. */
  wanted: 'no' | 'first' | 'again';
  isSignedIn: boolean;
  /** Whether the token may look and not change. */
  isReader: boolean;
}

interface Kept {
  token: string;
  isReader: boolean;
}

export class TokenSession {
  private kept: Kept | undefined;
  /** The token of the newest request. */
  private sent: string | undefined;
  private wanted: State['wanted'] = 'no';
  /** Told after each change. */
  changed: (state: State) => void = () => undefined;

  constructor(private readonly storage: Storage) {
    try {
      const kept = JSON.parse(storage.getItem(KEPT) ?? 'null') as Kept | null;
      if (kept && typeof kept.token === 'string' && fault(kept.token) === '') this.kept = { token: kept.token, isReader: kept.isReader === true };
    } catch {
      // Of another time: it is asked for anew.
    }
  }

  get state(): State {
    const claims = this.kept ? claimsOf(this.kept.token) : { name: '' };
    return { ...claims, wanted: this.wanted, isSignedIn: this.kept !== undefined, isReader: this.kept?.isReader === true };
  }

  /** The API beside the console, with the token where one is had. */
  home(): Home {
    const token = () => this.kept?.token;
    return {
      ...beside,
      get takesLinks() {
        return token() === undefined;
      },
      authorize: (request, isAgain) => {
        // Another token may have been given meanwhile: then it is worth another attempt.
        if (isAgain && token() === this.sent) return Promise.reject(this.over());
        this.sent = token();
        const headers = this.sent === undefined ? request.headers : { ...request.headers, Authorization: `Bearer ${this.sent}` };
        return Promise.resolve({ ...request, headers });
      },
      isExpired: (status) => status === 401,
      advice: (status) => (status === 403 && this.kept?.isReader ? 'Your token may look and not change: sign in with one that may write.' : ''),
    };
  }

  /** Signs in with a pasted text; answers why not, empty if it is taken. */
  async signIn(text: string): Promise<string> {
    const token = cleaned(text);
    const wrong = fault(token);
    if (wrong) return wrong;
    const looks = await asked(token, 'GET', '/stack-info');
    if (looks.status === 0) return looks.message;
    if (looks.status !== 200) return whyRefused(looks);
    // What it may do is told by what an empty scenario is answered: a reader is refused
    // before the server looks at it, and whoever may write for what it lacks.
    const writes = await asked(token, 'POST', '/scenarios', '{}');
    this.keep({ token, isReader: writes.status === 403 });
    return '';
  }

  signOut(): void {
    this.kept = undefined;
    this.storage.removeItem(KEPT);
  }

  private keep(kept: Kept): void {
    this.kept = kept;
    this.storage.setItem(KEPT, JSON.stringify(kept));
    this.wanted = 'no';
    this.changed(this.state);
  }

  private over(): ApiError {
    const wanted = this.kept || this.wanted === 'again' ? 'again' : 'first';
    this.signOut();
    if (wanted !== this.wanted) {
      this.wanted = wanted;
      this.changed(this.state);
    }
    return new ApiError(401, '', wanted === 'again' ? 'Your token is no longer good. Sign in again with a new one.' : 'This server asks for an access token. Sign in with one.');
  }
}

interface Answer {
  status: number;
  message: string;
}

async function asked(token: string, method: string, path: string, body?: string): Promise<Answer> {
  const headers: Record<string, string> = { Authorization: `Bearer ${token}`, ...(body ? { 'Content-Type': 'application/json' } : {}) };
  const signal = AbortSignal.timeout(LONGEST_ANSWER_MS);
  const answer = await fetch(`${beside.base}${path}`, { method, headers, signal, cache: 'no-store', ...(body ? { body } : {}) }).catch(() => undefined);
  if (!answer) return { status: 0, message: 'The server does not answer. Check the connection, then try again.' };
  return { status: answer.status, message: read(answer.status, await answer.text().catch(() => '')).message };
}

/** A refusal in words, with what to do. */
function whyRefused({ status, message }: Answer): string {
  const said = message ? ` (${message})` : '';
  if (status === 401) return `The server did not take this token${said}. Get a new access token, not an ID token, then paste it here.`;
  if (status === 403) return `The token is good, and may not look here${said}. Ask whoever runs this server for one with the scope or group that it wants.`;
  if (status === 400 || status === 431) return `This is no token that the server can read${said}. Paste the token alone.`;
  if (status === 429) return 'Too many requests were made from here. Wait a second, then try again.';
  if (status === 503) return `The server cannot check tokens now${said}. Try again in a few seconds.`;
  return `The server answered ${status}${said}. Try again, and look at its log.`;
}
