// What the browser keeps of ours: for this tab, or for longer. It may be forbidden or full;
// then nothing is kept, and whoever wants to say so is told.

export interface Keeper {
  /** Null where there is nothing. */
  get(key: string): string | null;
  /** Whether it is kept. */
  set(key: string, value: string): boolean;
  drop(key: string): void;
}

/** `storage` is asked for each time: where it is forbidden, that alone throws. */
export function keeper(storage: () => Storage): Keeper {
  const tried = <T>(act: () => T, otherwise: T): T => {
    try {
      return act();
    } catch {
      return otherwise;
    }
  };
  return {
    get: (key) => tried(() => storage().getItem(key), null),
    set: (key, value) =>
      tried(() => {
        storage().setItem(key, value);
        return true;
      }, false),
    drop: (key) => tried(() => storage().removeItem(key), undefined),
  };
}

export const inThisTab = keeper(() => sessionStorage);
export const inThisBrowser = keeper(() => localStorage);
