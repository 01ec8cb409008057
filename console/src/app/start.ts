// Finds out which home this is: a stack on AWS writes aws-exports.json beside the console;
// where there is none, the API lies beside it and nobody signs in, unless its server asks
// for a token.
import { setHome } from '../api/home';
import { queryClient } from '../api/queries';
import { setLiveSource } from '../live/live';
import { TokenSession, type State } from '../token/session';
import { inThisTab } from '../ui/kept';
import { flash } from './flash';
import { setUser, setWanted } from './user';

const EXPORTS = 'aws-exports.json';
/** How long the server of this page may take for it. */
const LONGEST_ANSWER_MS = 20_000;

/** What a stack wrote; undefined at home. */
export async function exportsBeside(ask: typeof fetch = fetch): Promise<unknown> {
  const answer = await ask(EXPORTS, { cache: 'no-store', signal: AbortSignal.timeout(LONGEST_ANSWER_MS) }).catch(() => undefined);
  if (!answer) throw new Error('The server of this page does not answer. Check the connection, then try again.');
  if ([401, 403, 404].includes(answer.status)) return undefined;
  if (!answer.ok) throw new Error(`The server of this page answered ${answer.status}. Try again in a moment.`);
  const text = await answer.text();
  // A server that answers its first page for everything has none either.
  if (/^\s*</.test(text)) return undefined;
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

/** Whether pages may be shown; not while the browser leaves for a sign-in page. */
export async function start(): Promise<boolean> {
  const written = await exportsBeside();
  if (written === undefined) {
    startAtHome(new TokenSession(inThisTab));
    return true;
  }
  const aws = await import('../aws/start');
  const started = await aws.start(written);
  if (!started) return false;
  const { home, live, session, signIn, signOut } = started;
  setHome(home);
  setLiveSource(live);
  const leave = () => {
    signOut();
    // The browser asks where something was written, and may be told to stay.
    tell(LEFT);
  };
  const tell = (ended: string) => setUser({ name, ended, leavesPage: true, readOnly: '', signIn: () => void signIn(), signOut: leave });
  const { name } = session;
  session.ended = () => tell(ENDED);
  tell('');
  // A browser may keep a page that was left, as it was: not for whoever comes after a sign-out.
  window.addEventListener('pageshow', (event) => {
    if (event.persisted && !session.isSignedIn) location.reload();
  });
  // Before the first page, so that it is not shown to somebody whose sign-in is over.
  return session.idToken().then(
    () => true,
    async () => {
      if (session.isSignedIn) return true;
      await signIn();
      return false;
    },
  );
}

const ENDED = 'Your sign-in has ended.';
const LEFT = 'You signed out.';
const NOT_KEPT = 'This browser lets the page keep nothing (its storage is full or forbidden): you are signed in until the page is loaded again.';
const LOOKS_ONLY = 'Your token may look and not change: sign in with one that may write.';

/** The API beside the console. Whether it wants a token is known when it refuses a request. */
function startAtHome(session: TokenSession): void {
  const ask = (isAgain: boolean) =>
    setWanted({
      isAgain,
      why: !isAgain ? '' : session.state.out === 'left' ? 'You signed out' : 'Your token has ended',
      leave: () => setWanted(undefined),
      signIn: async (text) => {
        const why = await session.signIn(text);
        if (why === '' && !session.state.isKept) flash('warning', NOT_KEPT);
        // What was refused meanwhile is asked for again; a page that is shown stays, with what was written on it.
        if (why === '') void queryClient.invalidateQueries();
        return why;
      },
    });
  const show = (state: State) => {
    const { name, until, isSignedIn, isReader, wanted, out } = state;
    const signOut = () => {
      session.signOut();
      // Where something was written the browser asks, and may be told to stay: then the page
      // is one whose sign-in is over, and is kept.
      location.reload();
    };
    if (isSignedIn || out !== '') {
      setUser({ name, ended: out === 'left' ? LEFT : out === 'ended' ? ENDED : '', leavesPage: false, until: until === undefined ? undefined : new Date(until), readOnly: isReader ? LOOKS_ONLY : '', signIn: () => ask(true), signOut });
    }
    if (wanted === 'no') setWanted(undefined);
    else ask(wanted === 'again');
  };
  session.changed = show;
  show(session.state);
  setHome(session.home());
  // A page that was left and is come back to holds what its token was shown.
  window.addEventListener('pageshow', (event) => {
    if (event.persisted && session.state.isSignedIn) location.reload();
  });
}
