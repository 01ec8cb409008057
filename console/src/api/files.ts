// Files to and from the API: where one is sent, the API says; where one is saved, the
// browser asks. What files there are is `queries`'.
import { ApiError, address, ask, open, seg } from './client';
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
  const sent = await fetch(place.url, { method: 'PUT', body: file }).catch(() => undefined);
  if (sent?.ok) return;
  const why = sent ? `its bucket answered ${sent.status}` : 'its bucket does not answer';
  throw new ApiError(sent?.status ?? 0, '', `${file.name} was not stored: ${why}. Check the connection, then choose the file again.`);
}

/** A link to a file, where plain links are answered. */
export function linkTo(path: string, query: Record<string, string> = {}): string | undefined {
  return home().takesLinks ? address(path, query) : undefined;
}

/** Fetches a file and saves it, where requests are signed and a link would be refused. */
export async function save(path: string, query: Record<string, string>, name: string): Promise<void> {
  const answer = await open(path, { query });
  const url = URL.createObjectURL(await answer.blob());
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  // The browser reads it after the click.
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}
