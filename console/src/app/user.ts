// Who is signed in, for the frame and for what may be changed: nobody at home, unless its
// server asks for a token.
import { useSyncExternalStore } from 'react';

export interface User {
  name: string;
  /** That the sign-in is over, as a sentence; empty while it lasts. */
  ended: string;
  /** Whether signing in again leaves the page, with what was written on it. */
  leavesPage: boolean;
  /** When it ends, if that is known. */
  until?: Date | undefined;
  /** Why nothing may be changed; empty where it may. */
  readOnly: string;
  signIn(): void;
  signOut(): void;
}

/** A token is wanted: before the first page, or over a page whose token has ended. */
export interface Wanted {
  isAgain: boolean;
  /** Why it is wanted again; empty the first time. */
  why: string;
  /** Answers why a token is not taken; empty if it is. */
  signIn(text: string): Promise<string>;
  /** Goes on without one, for now. */
  leave(): void;
}

/** Something that a few places look at. */
function store<T>() {
  let value: T | undefined;
  const listeners = new Set<() => void>();
  const listen = (changed: () => void) => {
    listeners.add(changed);
    return () => listeners.delete(changed);
  };
  const set = (next: T | undefined) => {
    value = next;
    for (const listener of listeners) listener();
  };
  return { set, use: (): T | undefined => useSyncExternalStore(listen, () => value) };
}

const user = store<User>();
const wanted = store<Wanted>();

export const setUser = user.set;
export const useUser = user.use;
export const setWanted = wanted.set;
export const useWanted = wanted.use;

/** Why nothing may be changed; empty where it may. */
export function lockOf(who: User | undefined): string {
  return who?.ended ? `${who.ended} Sign in again first.` : (who?.readOnly ?? '');
}

export function useReadOnly(): string {
  return lockOf(useUser());
}
