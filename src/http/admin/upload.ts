import type { Request, RequestHandler } from 'express';
import { RequestError } from '../../kit/errors.ts';
import type { Upload } from './route.ts';

/** Bodies that are read as they come. */

const typeOf = (req: Request): string => (req.get('content-type') ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? '';

/** Lets only bodies of these types pass, in UTF-8 where they say so, and not packed. */
export const only =
  (types: readonly string[]): RequestHandler =>
  (req, _res, next) => {
    const [, charset = 'utf-8'] = /charset="?([^";]+)/i.exec(req.get('content-type') ?? '') ?? [];
    const encoding = req.get('content-encoding') ?? 'identity';
    if (!types.includes(typeOf(req)) || !/^utf-?8$/i.test(charset.trim()) || encoding !== 'identity') {
      throw new RequestError('unsupported_media_type', `Expected ${types.join(' or ')} in UTF-8, not compressed`);
    }
    next();
  };

/** Whoever stops reading in the middle still answers: the connection stays, and the rest is thrown away. */
export const uploadOf = (req: Request): Upload => ({
  contentType: typeOf(req),
  bytes: req.iterator({ destroyOnReturn: false }) as AsyncIterable<Uint8Array>,
});

/** What two uploads under one `Idempotency-Key` are compared by: they cannot be held against each other as a whole. */
export const fingerprintOfUpload = (req: Request): unknown => [
  typeOf(req),
  req.get('content-length') ?? null,
  req.get('content-digest') ?? null,
];
