// Where the API is, and how a request becomes one that it lets in. At home it lies beside
// the console and takes every request; the AWS home, which signs, is in `aws`.

/** A request before the API's address was asked. */
export interface Request {
  method: string;
  /** With the API's base before its path. */
  url: string;
  headers: Record<string, string>;
  body?: string | Blob;
}

export interface Home {
  /** Before every path: a path of this origin, or an address. */
  readonly base: string;
  /** What to say and do when nothing answers. */
  readonly away: string;
  /** Whether a plain link gets an answer: not if requests are signed. */
  readonly takesLinks: boolean;
  /** Makes a request one that is let in. `refused` is the same one as it was sent before, whose rights had expired. */
  authorize(request: Request, refused?: Request): Promise<Request>;
  /** Whether a refusal is one of expired rights, worth another attempt. */
  isExpired(status: number, body: string): boolean;
  /** What a refusal's message needs besides its own words; empty for nothing. */
  advice(status: number, message: string): string;
}

/** The API beside the console. */
export const beside: Home = {
  base: '/api',
  away: 'The server does not answer. If it runs on this machine, start it with: dlt up',
  takesLinks: true,
  authorize: (request) => Promise.resolve(request),
  isExpired: () => false,
  advice: () => '',
};

let current = beside;

export function home(): Home {
  return current;
}

/** Called once, before the first page. */
export function setHome(next: Home): void {
  current = next;
}

/** The API's address for whoever is not on this page. */
export function apiAddress(): string {
  return new URL(current.base, location.origin).href;
}
