// Serves the built console as `dlt up` does, with its policy, for tests of a console that
// is newer than the one inside the binary; `/api` is answered by who uses it.
import { readFile } from 'node:fs/promises';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join, normalize, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Where the built files are: `dist`, or what DLT_CONSOLE names. */
const DIST = resolve(fileURLToPath(new URL('..', import.meta.url)), process.env.DLT_CONSOLE ?? 'dist');
const KINDS: Record<string, string> = { '.html': 'text/html', '.js': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml', '.txt': 'text/plain; charset=utf-8' };
const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

export interface Served {
  url: string;
  end: () => Promise<void>;
}

export async function serve(api: http.RequestListener, port = 0): Promise<Served> {
  const server = http.createServer((request, response) => {
    response.setHeader('content-security-policy', POLICY);
    if (/^\/(api|\.well-known)\//.test(request.url ?? '')) api(request, response);
    else void file(new URL(request.url ?? '/', 'http://here').pathname, response);
  });
  await new Promise<void>((done) => server.listen(port, '127.0.0.1', done));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    end: async () => {
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
    },
  };
}

async function file(path: string, response: http.ServerResponse): Promise<void> {
  const name = normalize(path === '/' ? '/index.html' : path);
  try {
    const bytes = await readFile(join(DIST, name));
    response.writeHead(200, { 'content-type': KINDS[extname(name)] ?? 'application/octet-stream' }).end(bytes);
  } catch {
    response.writeHead(404).end();
  }
}

/** Passes requests on to a `dlt up`, whose checks want its own address. */
export function passOn(to: string): http.RequestListener {
  const { host, hostname, port } = new URL(to);
  return (request, response) => {
    const headers = { ...request.headers, host, ...(request.headers.origin ? { origin: to } : {}) };
    const on = http.request({ hostname, port, path: request.url, method: request.method, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
      answer.on('error', () => response.destroy());
    });
    on.on('error', () => (response.headersSent ? response.destroy() : response.writeHead(502).end()));
    response.on('close', () => on.destroy());
    request.pipe(on);
  };
}
