// Files to and from the API: where one is sent, the API says; whether a link to one is
// answered, the home. What files there are is `queries`'.
import { ApiError, address, ask, longestCall, seg } from './client';
import { home } from './home';
import type { Upload } from './types';

/** Sends a file of a scenario to where the API says. */
export async function upload(test: string, file: File): Promise<void> {
  const path = `/scenarios/${seg(test)}/files`;
  const place = await ask<Upload>(path, { method: 'POST', body: { name: file.name } });
  if (!/^https?:/.test(place.url)) {
    await ask(place.url, { method: 'PUT', file });
    return;
  }
  // The address holds the right to write there: it takes no signature of ours besides.
  const signal = AbortSignal.timeout(longestCall(file));
  const sent = await fetch(place.url, { method: 'PUT', body: file, signal }).catch(() => undefined);
  if (sent?.ok) return;
  const why = sent ? `its bucket answered ${sent.status}` : 'its bucket does not answer';
  throw new ApiError(sent?.status ?? 0, '', `${file.name} was not stored: ${why}. Check the connection, then choose the file again.`);
}

/** A link to a file, where plain links are answered. */
export function linkTo(path: string, query: Record<string, string> = {}): string | undefined {
  return home().takesLinks ? address(path, query) : undefined;
}
