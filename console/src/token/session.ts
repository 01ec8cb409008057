// The token of a `dlt up --auth`: asked for when the server wants one, kept for this tab
// alone, and gone with it or with a sign-out. How it is asked for is the frame's.
import { ApiError, read } from '../api/client';
import { beside, type Home } from '../api/home';
import type { StackInfo } from '../api/types';
import type { Keeper } from '../ui/kept';
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
  /** How the last sign-in of this page went: its token ended, or the person left; empty while one lasts, and before the first. */
  out: '' | 'ended' | 'left';
  /** Whether the tab keeps it when the page is loaded again. */
  isKept: boolean;
}

interface Kept {
  token: string;
  isReader: boolean;
}

export class TokenSession {
  private kept: Kept | undefined;
  private wanted: State['wanted'] = 'no';
  private out: State['out'] = '';
  private isKept = true;
  /** Whether this server was seen to ask for tokens. */
  private asks = false;
  /** Told after each change. */
  changed: (state: State) => void = () => undefined;

  constructor(private readonly tab: Keeper) {
    try {
      const kept = JSON.parse(tab.get(KEPT) ?? 'null') as Kept | null;
      if (kept && typeof kept.token === 'string' && fault(kept.token) === '') this.kept = { token: kept.token, isReader: kept.isReader === true };
    } catch {
      // Of another time: it is asked for anew.
    }
    this.asks = this.kept !== undefined;
  }

  get state(): State {
    const { kept, wanted, out, isKept } = this;
    const claims = kept ? claimsOf(kept.token) : { name: '' };
    return { ...claims, wanted, isSignedIn: kept !== undefined, isReader: kept?.isReader === true, out, isKept };
  }

  /** The API beside the console, with the token where one is had. */
  home(): Home {
    const isOpen = () => !this.asks;
    return {
      ...beside,
      get takesLinks() {
        return isOpen();
      },
      authorize: (request, refused) => {
        const now = this.kept && `Bearer ${this.kept.token}`;
        // One that carried another token than the present one says nothing of it, however late
        // its refusal comes: it is worth another attempt.
        if (refused && (now === undefined || refused.headers['Authorization'] === now)) return Promise.reject(this.over());
        return Promise.resolve(now === undefined ? request : { ...request, headers: { ...request.headers, Authorization: now } });
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
    const looks = await look(token);
    if (looks.status === 0) return looks.message;
    if (looks.status !== 200) return whyRefused(looks);
    this.keep({ token, isReader: !looks.mayWrite });
    return '';
  }

  /** By the person: what is on the page stays, until it is loaded again. */
  signOut(): void {
    this.forget('left');
    this.changed(this.state);
  }

  private forget(out: State['out']): void {
    this.kept = undefined;
    this.out = out;
    this.tab.drop(KEPT);
  }

  private keep(kept: Kept): void {
    this.kept = kept;
    this.asks = true;
    this.isKept = this.tab.set(KEPT, JSON.stringify(kept));
    this.wanted = 'no';
    this.out = '';
    this.changed(this.state);
  }

  private over(): ApiError {
    this.asks = true;
    this.forget(this.kept ? 'ended' : this.out);
    // A page that was shown to somebody stays, with what was written on it.
    const wanted = this.out === '' ? 'first' : 'again';
    if (wanted !== this.wanted) {
      this.wanted = wanted;
      this.changed(this.state);
    }
    return new ApiError(401, '', wanted === 'again' ? 'Your token is no longer good. Sign in again with a new one.' : 'This server asks for an access token. Sign in with one.');
  }
}

interface Look {
  status: number;
  message: string;
  /** What is not told is taken for allowed: the server refuses it itself. */
  mayWrite: boolean;
}

/** Asks the server with a token: whether it is taken, and what it may do. */
async function look(token: string): Promise<Look> {
  const signal = AbortSignal.timeout(LONGEST_ANSWER_MS);
  const headers = { Authorization: `Bearer ${token}` };
  const answer = await fetch(`${beside.base}/stack-info`, { method: 'GET', headers, signal, cache: 'no-store' }).catch(() => undefined);
  if (!answer) return { status: 0, message: 'The server does not answer. Check the connection, then try again.', mayWrite: true };
  const text = await answer.text().catch(() => '');
  const { status } = answer;
  return { status, message: status === 200 ? '' : read(status, text).message, mayWrite: mayWriteIn(text) };
}

function mayWriteIn(text: string): boolean {
  try {
    return (JSON.parse(text) as Pick<StackInfo, 'may_write'> | null)?.may_write !== false;
  } catch {
    return true;
  }
}

/** A refusal in words, with what to do. */
function whyRefused({ status, message }: Look): string {
  const said = message ? ` (${message})` : '';
  if (status === 401) return `The server did not take this token${said}. Get a new access token, not an ID token, then paste it here.`;
  if (status === 403) return `The token is good, and may not look here${said}. Ask whoever runs this server for one with the scope or group that it wants.`;
  if (status === 400 || status === 431) return `This is no token that the server can read${said}. Paste the token alone.`;
  if (status === 429) return 'Too many requests were made from here. Wait a second, then try again.';
  if (status === 503) return `The server cannot check tokens now${said}. Try again in a few seconds.`;
  return `The server answered ${status}${said}. Try again, and look at its log.`;
}
