// The hosts of a stack, as its console names them, and what a server of one of them is.
import type { IncomingMessage, ServerResponse } from 'node:http';

export const REGION = 'eu-west-1';
export const HOSTS = {
  page: 'd1.cloudfront.net',
  signIn: `dlt-1.auth.${REGION}.amazoncognito.com`,
  identity: `cognito-identity.${REGION}.amazonaws.com`,
  api: `abc.execute-api.${REGION}.amazonaws.com`,
  bucket: `files.s3.${REGION}.amazonaws.com`,
  topics: `a1-ats.iot.${REGION}.amazonaws.com`,
};
export const USER_POOL = `${REGION}_AbCdEf123`;
export const CLIENT = '4client';
export const IDENTITY_POOL = `${REGION}:11111111-2222-3333-4444-555555555555`;
export const PAGE = `https://${HOSTS.page}`;

export interface Asked {
  request: IncomingMessage;
  url: URL;
  body: Buffer;
}

export async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  return Buffer.concat(parts);
}

export function headersOf(request: IncomingMessage): Record<string, string | undefined> {
  return Object.fromEntries(Object.entries(request.headers).map(([name, value]) => [name, String(value)]));
}

/** Browsers of every origin may read it. */
export const OPEN = { 'access-control-allow-origin': '*' };

export function json(response: ServerResponse, value: unknown, status = 200, headers: Record<string, string> = {}): void {
  response.writeHead(status, { 'content-type': 'application/json', ...OPEN, ...headers }).end(JSON.stringify(value));
}
