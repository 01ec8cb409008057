// Finds out which home this is: a stack on AWS writes aws-exports.json beside the console;
// where there is none, the API lies beside it and nobody signs in.
import { setHome } from '../api/home';
import { setLiveSource } from '../live/live';
import { setUser } from './user';

const EXPORTS = 'aws-exports.json';
/** How long the server of this page may take for it. */
const LONGEST_ANSWER_MS = 20_000;

/** What a stack wrote; undefined at home. */
export async function exportsBeside(ask: typeof fetch = fetch): Promise<unknown> {
  const answer = await ask(EXPORTS, { cache: 'no-store', signal: AbortSignal.timeout(LONGEST_ANSWER_MS) }).catch(() => undefined);
  if (!answer) throw new Error('The server of this page does not answer. Check the connection, then try again.');
  if (answer.status === 403 || answer.status === 404) return undefined;
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
  if (written === undefined) return true;
  const aws = await import('../aws/start');
  const started = await aws.start(written);
  if (!started) return false;
  const { home, live, session, signIn, signOut } = started;
  setHome(home);
  setLiveSource(live);
  const tell = (hasEnded: boolean) => setUser({ name, hasEnded, signIn: () => void signIn(), signOut });
  const { name } = session;
  session.ended = () => tell(true);
  tell(false);
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
