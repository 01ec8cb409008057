import { expect, it } from 'vitest';
import { parseCurl } from './curl';

it('takes a URL', () => {
  expect(parseCurl(' https://shop.example.com/a?b=1 ')).toEqual({ url: 'https://shop.example.com/a?b=1', method: 'GET' });
  expect(parseCurl('127.0.0.1:8080/x').url).toBe('http://127.0.0.1:8080/x');
  expect(() => parseCurl('ftp://x')).toThrow('only http');
  expect(() => parseCurl('hello there')).toThrow('neither');
});

it('takes what browsers copy', () => {
  const request = parseCurl(`curl 'https://shop.example.com/orders' \\
  -X 'POST' \\
  -H 'content-type: application/json' -H "X-A: it's" -H 'Host: x' \\
  --data-raw $'{"a":"it\\'s"}' --compressed -L`);
  expect(request).toEqual({
    url: 'https://shop.example.com/orders',
    method: 'POST',
    headers: { 'content-type': 'application/json', 'X-A': "it's" },
    body: `{"a":"it's"}`,
  });
});

it('reads forms, user, glued options and -G', () => {
  expect(parseCurl('curl -XPUT -u a:b -d x=1 -d y=2 http://h/')).toEqual({
    url: 'http://h/',
    method: 'PUT',
    headers: { Authorization: 'Basic YTpi', 'Content-Type': 'application/x-www-form-urlencoded' },
    body: 'x=1&y=2',
    'follow-redirects': false,
  });
  expect(parseCurl('curl -G --data-urlencode "q=a b" http://h/s').url).toBe('http://h/s?q=a%20b');
});

it('names what it cannot keep', () => {
  expect(() => parseCurl('curl -d @file http://h/')).toThrow('a file on your machine');
  expect(() => parseCurl('curl --proxy x http://h/')).toThrow('--proxy');
  expect(() => parseCurl("curl 'http://h/")).toThrow('not closed');
  expect(() => parseCurl('curl -s')).toThrow('no URL');
});
