// Starts the AWS home: signs the user in, or sends the browser to where it is done, and
// answers what the pages need. Loaded only where a stack wrote aws-exports.json.
import type { Home } from '../api/home';
import type { LiveSource } from '../live/live';
import { topicSource } from '../live/topics';
import { CredentialCache } from './credentials';
import { readExports } from './exports';
import { Session, SignInFailed } from './session';
import { awsHome, topicAddress } from './sign';

export interface Started {
  home: Home;
  live: LiveSource;
  session: Session;
  /** Leaves for the sign-in page; the user comes back to this place. */
  signIn(): Promise<void>;
  signOut(): void;
}

/** The page as Cognito knows it, letter by letter: an origin has no slash at its end. */
export function pageAddress({ origin, pathname }: Pick<Location, 'origin' | 'pathname'>): string {
  const path = pathname.replace(/\/(index\.html)?$/, '');
  return path === '' ? origin : `${origin}${path}/`;
}

/** Undefined while the browser leaves for the sign-in page. */
export async function start(written: unknown): Promise<Started | undefined> {
  const exports = readExports(written);
  const session = new Session(exports, pageAddress(location), sessionStorage);
  const signIn = async () => location.assign(await session.signInAddress(location.hash));
  const query = new URLSearchParams(location.search);
  if (query.has('state') && (query.has('code') || query.has('error'))) {
    const address = location.href;
    // Before anything else: a code is for nobody's history, and of no use a second time.
    history.replaceState(null, '', location.pathname);
    try {
      const place = await session.finish(address);
      history.replaceState(null, '', `${location.pathname}${place}`);
    } catch (error) {
      // Gone back to, or loaded again: who is signed in goes on.
      if (!(error instanceof SignInFailed) || !session.isSignedIn) throw error;
    }
  }
  if (!session.isSignedIn) {
    // In place of this page: it would only send whoever comes back here away again.
    location.replace(await session.signInAddress(location.hash));
    return undefined;
  }
  const credentials = new CredentialCache(exports, (isRefused) => session.idToken(isRefused));
  return {
    home: awsHome(exports, credentials),
    live: topicSource(topicAddress(exports, credentials)),
    session,
    signIn,
    signOut: () => location.assign(session.signOut()),
  };
}
