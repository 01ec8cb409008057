// Asks the API: one function, and errors that say what was wrong, where, and what to do.
// Where the API is and how a request is authorised is `home`'s.
import { home, type Request } from './home';

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
  cache?: RequestCache;
}

/** The address of a call. Parts of `path` from elsewhere must be encoded by `seg`. */
export function address(path: string, query: Ask['query'] = {}): string {
  const rows = Object.entries(query).flatMap(([name, value]) => (value === undefined ? [] : [value].flat().map((one) => [name, String(one)])));
  const text = new URLSearchParams(rows).toString();
  return `${home().base}${path}${text ? `?${text}` : ''}`;
}

export const seg = encodeURIComponent;

const NOT_THE_API =
  'What answers at this address is not the API of dlt. If this is a stack on AWS, its aws-exports.json is missing beside the console: deploy the stack again with: dlt deploy hub';

/** How long a call may take, from the signature to the last byte of its answer. */
const LONGEST_CALL_MS = 20_000;
/** Of a file that is sent, this much more counts: 1 Mbit/s. */
const SLOWEST_UPLOAD_BYTES_PER_MS = 125;

export function longestCall(file?: Blob): number {
  return LONGEST_CALL_MS + Math.ceil((file?.size ?? 0) / SLOWEST_UPLOAD_BYTES_PER_MS);
}

/** An answer whose body is read by the caller, for as long as it takes: a file. */
export function open(path: string, ask: Ask = {}): Promise<Response> {
  return inTime(path, ask, (answer) => Promise.resolve(answer));
}

/** An answer that goes on for as long as both want it to, live events: it has no deadline. */
export function stream(path: string, signal: AbortSignal): Promise<Response> {
  // A browser that may keep it holds all of it in memory, for as long as the run lasts.
  return answered(path, { signal, cache: 'no-store' });
}

export function ask<T>(path: string, options: Ask = {}): Promise<T> {
  return inTime(path, options, async (answer) => {
    const text = await answer.text().catch((error: unknown) => {
      throw isAbort(error) ? error : new ApiError(0, '', home().away);
    });
    try {
      return (text ? JSON.parse(text) : undefined) as T;
    } catch {
      throw new ApiError(answer.status, '', NOT_THE_API);
    }
  });
}

/** Asks and reads, until the caller gives up or the call is late. */
async function inTime<T>(path: string, ask: Ask, take: (answer: Response) => Promise<T>): Promise<T> {
  const late = new AbortController();
  const most = longestCall(ask.file);
  const timer = setTimeout(() => late.abort(), most);
  const signal = ask.signal ? AbortSignal.any([ask.signal, late.signal]) : late.signal;
  // Signatures and sign-ins take no signal: they are left behind.
  const given = new Promise<never>((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true }));
  try {
    signal.throwIfAborted();
    return await Promise.race([answered(path, { ...ask, signal }).then(take), given]);
  } catch (error) {
    throw late.signal.aborted && !ask.signal?.aborted ? tooLate(ask.method ?? 'GET', most) : error;
  } finally {
    clearTimeout(timer);
  }
}

/** What a call that was not answered in time is called. */
export const TOO_LATE = 'TOO_LATE';

function tooLate(method: string, ms: number): ApiError {
  const advice = method === 'GET' ? 'Try again in a moment.' : 'What was asked for may be done all the same: look before you try again.';
  return new ApiError(0, TOO_LATE, `No answer came within ${Math.round(ms / 1000)} s: the server is busy or hangs, or the connection is slow. ${advice}`);
}

async function answered(path: string, ask: Ask): Promise<Response> {
  const first = await send(path, ask);
  let { answer } = first;
  let text = answer.ok ? '' : await answer.text().catch(() => '');
  if (!answer.ok && home().isExpired(answer.status, text)) {
    ({ answer } = await send(path, ask, first.request));
    text = answer.ok ? '' : await answer.text().catch(() => '');
  }
  if (answer.ok) return answer;
  throw refusal(answer, text);
}

/** Sends a call; `refused` is what was sent for it before. */
async function send(path: string, ask: Ask, refused?: Request): Promise<{ request: Request; answer: Response }> {
  const plain: Request = { method: ask.method ?? 'GET', url: address(path, ask.query), headers: {} };
  if (ask.file) plain.body = ask.file;
  else if (ask.body !== undefined) {
    plain.body = JSON.stringify(ask.body);
    plain.headers['Content-Type'] = 'application/json';
  }
  const request = await home().authorize(plain, refused);
  const { url, method, headers, body } = request;
  const { signal = null, cache } = ask;
  try {
    const answer = await fetch(url, { method, headers, signal, ...(cache ? { cache } : {}), ...(body === undefined ? {} : { body }) });
    return { request, answer };
  } catch (error) {
    if (isAbort(error)) throw error;
    throw new ApiError(0, '', home().away);
  }
}

function isAbort(error: unknown): boolean {
  return error instanceof DOMException && error.name === 'AbortError';
}

function refusal(answer: Response, text: string): ApiError {
  if (answer.redirected) {
    // The API answered; where its long answers and files are did not. Its words are XML.
    return new ApiError(answer.status, '', `What the API keeps for this could not be fetched (${answer.status}). Try again.`);
  }
  const error = read(answer.status, text);
  const advice = home().advice(error.status, error.message);
  return advice ? new ApiError(error.status, error.code, `${error.message} ${advice}`, error.faults) : error;
}

/** An error's body: a JSON string "CODE: text", or an object with a message. */
export function read(status: number, body: string): ApiError {
  let text = body;
  try {
    const value: unknown = JSON.parse(body);
    if (typeof value === 'string') text = value;
    else if (value && typeof value === 'object') {
      const { message, Message } = value as { message?: unknown; Message?: unknown };
      // A gateway's sentence, which may begin with "User: …" and has no code.
      return new ApiError(status, '', String(message ?? Message ?? body));
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
