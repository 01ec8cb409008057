// Reads a pasted URL or curl command into a request of a scenario. What changes the
// meaning of a request and cannot be kept is named, never dropped in silence.

export interface PastedRequest {
  url: string;
  method: string;
  headers?: Record<string, string>;
  body?: string;
  'follow-redirects'?: boolean;
  [key: string]: unknown;
}

const METHODS = ['GET', 'POST', 'PUT', 'DELETE', 'PATCH', 'HEAD', 'OPTIONS'];
/** Options with a value that a load test has no use for. */
const IGNORED_WITH_VALUE = new Set(['-o', '--output', '-w', '--write-out', '--max-time', '-m', '--connect-timeout', '--retry', '-c', '--cookie-jar', '--max-redirs']);
const IGNORED = new Set(['-s', '--silent', '-S', '--show-error', '-v', '--verbose', '-i', '--include', '--compressed', '-f', '--fail', '-#', '--progress-bar', '--http1.1', '-N', '--no-buffer', '-sS', '-g', '--globoff']);

export function parseCurl(text: string): PastedRequest {
  const trimmed = text.trim();
  if (trimmed === '') throw new Error('Nothing was pasted.');
  if (!/^(?:\$\s*)?curl(\.exe)?\s/.test(trimmed)) {
    if (/\s/.test(trimmed)) throw new Error('This is neither a URL nor a curl command: a URL has no spaces.');
    return { url: address(trimmed), method: 'GET' };
  }
  const words = split(trimmed.replace(/^\$\s*/, ''));
  const headers: Record<string, string> = {};
  const data: string[] = [];
  let url = '';
  let method = '';
  let isGet = false;
  let follows = false;
  for (let at = 1; at < words.length; at++) {
    const raw = words[at] ?? '';
    const [word, glued] = unglue(raw);
    const value = () => {
      const given = glued ?? words[++at];
      if (given === undefined) throw new Error(`${word} needs a value.`);
      return given;
    };
    if (word === '-X' || word === '--request') method = value().toUpperCase();
    else if (word === '-H' || word === '--header') header(headers, value());
    else if (['-d', '--data', '--data-raw', '--data-ascii', '--data-binary', '--json'].includes(word)) {
      const given = value();
      if (given.startsWith('@') && word !== '--data-raw') throw new Error(`${word} ${given}: a file on your machine. Paste its content, or upload it and name it as body-file.`);
      data.push(given);
      if (word === '--json') {
        headers['Content-Type'] ??= 'application/json';
        headers['Accept'] ??= 'application/json';
      }
    } else if (word === '--data-urlencode') {
      const given = value();
      const eq = given.indexOf('=');
      data.push(eq < 0 ? encodeURIComponent(given) : `${given.slice(0, eq + 1)}${encodeURIComponent(given.slice(eq + 1))}`);
    } else if (word === '-A' || word === '--user-agent') headers['User-Agent'] = value();
    else if (word === '-e' || word === '--referer') headers['Referer'] = value();
    else if (word === '-b' || word === '--cookie') headers['Cookie'] = value();
    else if (word === '-u' || word === '--user') headers['Authorization'] = `Basic ${btoa(value())}`;
    else if (word === '-I' || word === '--head') method ||= 'HEAD';
    else if (word === '-G' || word === '--get') isGet = true;
    else if (word === '-L' || word === '--location') follows = true;
    else if (word === '-k' || word === '--insecure') throw new Error('-k is not taken over: set tls: { insecure: true } in the scenario if you mean it.');
    else if (word === '--url') url = value();
    else if (IGNORED.has(word)) continue;
    else if (IGNORED_WITH_VALUE.has(word)) value();
    else if (word.startsWith('-') && word !== '-') throw new Error(`${word} is an option that is not known here. Leave it out, or write the request by hand.`);
    else if (url === '') url = word;
    else throw new Error(`Two URLs: ${url} and ${word}. Paste one command at a time.`);
  }
  if (url === '') throw new Error('The curl command names no URL.');
  let body = data.length > 0 ? data.join('&') : undefined;
  if (isGet && body !== undefined) {
    url += `${url.includes('?') ? '&' : '?'}${body}`;
    body = undefined;
  }
  method ||= body === undefined ? 'GET' : 'POST';
  if (!METHODS.includes(method)) throw new Error(`The method ${method} is not one of ${METHODS.join(', ')}.`);
  if (body !== undefined && !Object.keys(headers).some((name) => name.toLowerCase() === 'content-type')) {
    headers['Content-Type'] = 'application/x-www-form-urlencoded';
  }
  return {
    url: address(url),
    method,
    ...(Object.keys(headers).length > 0 ? { headers } : {}),
    ...(body !== undefined ? { body } : {}),
    // curl follows redirects when it is told to, dlt unless it is told not to.
    ...(follows ? {} : { 'follow-redirects': false }),
  };
}

function header(headers: Record<string, string>, line: string): void {
  const colon = line.indexOf(':');
  if (colon < 1) throw new Error(`The header "${line}" has no colon.`);
  const name = line.slice(0, colon).trim();
  // The length and the host follow from the request itself.
  if (/^(content-length|host)$/i.test(name)) return;
  headers[name] = line.slice(colon + 1).trim();
}

function address(text: string): string {
  const whole = /^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `http://${text}`;
  let url: URL;
  try {
    url = new URL(whole);
  } catch {
    throw new Error(`"${text}" is no URL.`);
  }
  if (url.protocol !== 'http:' && url.protocol !== 'https:') throw new Error(`${url.protocol}// cannot be tested: only http:// and https://.`);
  return whole;
}

/** `-XPOST` and `--request=POST` as option and value. */
function unglue(word: string): [string, string | undefined] {
  const long = /^(--[a-z-]+)=([\s\S]*)$/.exec(word);
  if (long) return [long[1] ?? '', long[2]];
  const short = /^(-[XHdAebu])([\s\S]+)$/.exec(word);
  return short ? [short[1] ?? '', short[2]] : [word, undefined];
}

/** Splits a command as a shell does: quotes, escapes, $'…', continued lines. */
export function split(text: string): string[] {
  const words: string[] = [];
  let word = '';
  let has = false;
  let quote = '';
  for (let at = 0; at < text.length; at++) {
    const c = text[at] ?? '';
    if (quote === "'") {
      if (c === "'") quote = '';
      else word += c;
    } else if (quote === '"' || quote === "$'") {
      if (c === quote.at(-1)) quote = '';
      else if (c === '\\') {
        const next = text[++at] ?? '';
        if (quote === "$'") word += ESCAPES[next] ?? next;
        else word += '"\\$`\n'.includes(next) ? (next === '\n' ? '' : next) : `\\${next}`;
      } else word += c;
    } else if (c === "'" || c === '"') {
      quote = c;
      has = true;
    } else if (c === '$' && text[at + 1] === "'") {
      quote = "$'";
      has = true;
      at++;
    } else if (c === '\\') {
      const next = text[++at] ?? '';
      if (next === '\r' && text[at + 1] === '\n') at++;
      else if (next !== '\n') {
        word += next;
        has = true;
      }
    } else if (/\s/.test(c)) {
      if (has || word) words.push(word);
      word = '';
      has = false;
    } else {
      word += c;
      has = true;
    }
  }
  if (quote) throw new Error('A quotation mark is not closed.');
  if (has || word) words.push(word);
  return words;
}

const ESCAPES: Record<string, string> = { n: '\n', t: '\t', r: '\r' };
