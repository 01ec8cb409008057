// Asks the API: one function, and errors that say what was wrong, where, and what to do.
// At home the API lies beside the console; signing for AWS would go into `ask`.

const BASE = '/api';

/** A fault of a body, with the path of its field. */
export interface Fault {
  path: string;
  message: string;
}

export class ApiError extends Error {
  constructor(
    readonly status: number,
    /** Like INVALID_REQUEST_BODY; empty where there is none. */
    readonly code: string,
    message: string,
    readonly faults: Fault[] = [],
  ) {
    super(message);
    this.name = 'ApiError';
  }
}

export interface Ask {
  method?: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** A list is asked for once for each of its values. */
  query?: Record<string, string | number | boolean | undefined | readonly string[]>;
  body?: unknown;
  /** A file, sent as it is. */
  file?: Blob;
  signal?: AbortSignal | undefined;
}

/** The address of a call. Parts of `path` from elsewhere must be encoded by `seg`. */
export function address(path: string, query: Ask['query'] = {}): string {
  const rows = Object.entries(query).flatMap(([name, value]) => (value === undefined ? [] : [value].flat().map((one) => [name, String(one)])));
  const text = new URLSearchParams(rows).toString();
  return `${BASE}${path}${text ? `?${text}` : ''}`;
}

export const seg = encodeURIComponent;

export async function open(path: string, ask: Ask = {}): Promise<Response> {
  const init: RequestInit = { method: ask.method ?? 'GET', signal: ask.signal ?? null };
  if (ask.file) init.body = ask.file;
  else if (ask.body !== undefined) {
    init.body = JSON.stringify(ask.body);
    init.headers = { 'Content-Type': 'application/json' };
  }
  let answer: Response;
  try {
    answer = await fetch(address(path, ask.query), init);
  } catch (error) {
    if (error instanceof DOMException && error.name === 'AbortError') throw error;
    throw new ApiError(0, '', 'The server does not answer. If it runs on this machine, start it with: dlt up');
  }
  if (!answer.ok) throw read(answer.status, await answer.text().catch(() => ''));
  return answer;
}

export async function ask<T>(path: string, options: Ask = {}): Promise<T> {
  const answer = await open(path, options);
  const text = await answer.text();
  return (text ? JSON.parse(text) : undefined) as T;
}

/** An error's body: a JSON string "CODE: text", or an object with a message. */
export function read(status: number, body: string): ApiError {
  let text = body;
  try {
    const value: unknown = JSON.parse(body);
    if (typeof value === 'string') text = value;
    else if (value && typeof value === 'object') {
      const { message, Message } = value as { message?: unknown; Message?: unknown };
      text = String(message ?? Message ?? body);
    }
  } catch {
    // A proxy's page, or nothing: shown as it is.
  }
  if (status >= 500 && status !== 501 && !text.trim()) {
    return new ApiError(status, '', `The server answered ${status} without a reason. Try again, and look at its log.`);
  }
  const [, code = '', rest = text] = /^([A-Za-z_]+): ([\s\S]*)$/.exec(text) ?? [];
  return new ApiError(status, code, rest, code.toUpperCase() === code ? faults(rest) : []);
}

/** "a.b: must …; c: is missing" as rows; what is no such list gives none. */
export function faults(text: string): Fault[] {
  const parts = text.split(/; (?=[A-Za-z_][\w.[\]"'/ -]*: )/);
  const rows = parts.map((part) => /^([A-Za-z_][^:\s]*(?:\["[^"]*"\][^:\s]*)?): ([\s\S]+)$/.exec(part));
  return rows.every((row) => row !== null) ? rows.map(([, path = '', message = '']) => ({ path, message })) : [];
}
