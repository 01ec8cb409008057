// Who is signed in, for the frame: nobody at home, where there is no sign-in.
import { useSyncExternalStore } from 'react';

export interface User {
  name: string;
  /** The sign-in is over, and the user has to begin anew. */
  hasEnded: boolean;
  signIn(): void;
  signOut(): void;
}

let user: User | undefined;
const listeners = new Set<() => void>();

export function setUser(next: User): void {
  user = next;
  for (const listener of listeners) listener();
}

export function useUser(): User | undefined {
  return useSyncExternalStore(
    (changed) => {
      listeners.add(changed);
      return () => listeners.delete(changed);
    },
    () => user,
  );
}
