import type { Request } from 'express';
import { parseQuery } from '../php/query.ts';
import { isArray, toText, type Params } from '../php/values.ts';

export interface RestRequest {
  /** In lower case, without suffix; empty for a bare `/rest/`. */
  readonly method: string;
  /** Without the token. */
  readonly params: Params;
  readonly token: string;
  /** Credentials of an inbound webhook in the path (contract platform §2.8). */
  readonly webhook?: { readonly userId: string; readonly secret: string };
  readonly sourceIp: string;
}

/** Reads a call in all the forms the portal takes it (contract platform §3.1). */
export function readRequest(req: Request): RestRequest {
  const url = new URL(req.originalUrl, 'http://portal');
  const segments = url.pathname.split('/').filter(Boolean).slice(1);
  const all = { ...parseQuery(url.search.slice(1)), ...bodyOf(req) };
  const { auth, access_token: accessToken, ...params } = all;
  const bearer = /^Bearer\s+(\S+)/i.exec(req.get('authorization') ?? '')?.[1];
  const [userId = '', secret = ''] = segments;
  return {
    method: methodName(segments.at(-1) ?? ''),
    params,
    token: bearer ?? (toText(auth) || toText(accessToken)),
    ...(segments.length === 3 ? { webhook: { userId, secret } } : {}),
    sourceIp: req.socket.remoteAddress ?? '',
  };
}

/** Only the last dot segment can be a format. */
function methodName(segment: string): string {
  return segment.toLowerCase().replace(/\.(json|xml)$/, '');
}

function bodyOf(req: Request): Params {
  if (!Buffer.isBuffer(req.body) || req.body.length === 0) return {};
  const text = req.body.toString('utf8');
  if (req.is('application/x-www-form-urlencoded')) return parseQuery(text);
  return parseJson(text);
}

/** Invalid JSON is no error: the method runs with no parameters (contract platform §3.1). */
function parseJson(text: string): Params {
  try {
    const value: unknown = JSON.parse(text);
    return isArray(value) ? value : {};
  } catch {
    return {};
  }
}
