// The address: what stands behind #. The API's own paths lie at the same origin, so
// pages have none of their own on the server. Which page belongs to which is App's.
import { useCallback, useMemo, useSyncExternalStore } from 'react';

export interface Place {
  path: string;
  parts: string[];
  query: URLSearchParams;
}

let known = '';
let place: Place = parse('');

export function parse(hash: string): Place {
  const text = hash.replace(/^#/, '') || '/';
  const at = text.indexOf('?');
  const path = at < 0 ? text : text.slice(0, at);
  return { path, parts: partsOf(path), query: new URLSearchParams(at < 0 ? '' : text.slice(at + 1)) };
}

function partsOf(path: string): string[] {
  return path.split('/').filter(Boolean).map(decode);
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function now(): Place {
  if (location.hash !== known) {
    known = location.hash;
    place = parse(known);
  }
  return place;
}

function listen(changed: () => void): () => void {
  window.addEventListener('hashchange', changed);
  return () => window.removeEventListener('hashchange', changed);
}

/** An address of a page: its parts, encoded, and what it asks for. */
export function to(parts: string[], query: Record<string, string | undefined> = {}): string {
  const rows = Object.entries(query).filter((row): row is [string, string] => row[1] !== undefined && row[1] !== '');
  const text = new URLSearchParams(rows).toString();
  return `#/${parts.map(encodeURIComponent).join('/')}${text ? `?${text}` : ''}`;
}

export function go(href: string): void {
  location.hash = href.replace(/^#/, '');
}

/** One value of what the address asks for; whoever reads it is drawn again when it changes, and only then. */
export function useQueryValue(name: string): string {
  return useSyncExternalStore(listen, () => now().query.get(name) ?? '');
}

/** The path alone: what it asks for may change without the frame being drawn again. */
export function usePath(): Omit<Place, 'query'> {
  const path = useSyncExternalStore(listen, () => now().path);
  return useMemo(() => ({ path, parts: partsOf(path) }), [path]);
}

/** Changes what the address asks for, without a step in the browser's history. */
export function useQueryParam(name: string): [string, (value: string) => void] {
  const value = useQueryValue(name);
  const set = useCallback((next: string) => replaceQuery({ [name]: next }), [name]);
  return [value, set];
}

export function replaceQuery(changes: Record<string, string>): void {
  const here = parse(location.hash);
  for (const [name, value] of Object.entries(changes)) {
    if (value === '') here.query.delete(name);
    else here.query.set(name, value);
  }
  const text = here.query.toString();
  const hash = `#${here.path}${text ? `?${text}` : ''}`;
  if (hash === location.hash) return;
  history.replaceState(null, '', hash);
  window.dispatchEvent(new HashChangeEvent('hashchange'));
}
