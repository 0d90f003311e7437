import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import express, { type RequestHandler, type Router } from 'express';
import type { Logger } from '../kit/logger.ts';
import { methodNotAllowed } from './problem.ts';
import { requestIdOf } from './requestId.ts';

export interface MediaDeps {
  open(
    token: string,
    signal: AbortSignal,
  ): Promise<{ stream: NodeJS.ReadableStream; contentType: string; length: number | undefined; name: string }>;
  maxBytes: number;
  log: Logger;
}

/** `GET /media/{token}/{name}`: a file of the messenger, for Bitrix24 alone. Streamed, never kept. */
export function createMediaDoor(deps: MediaDeps): Router {
  const router = express.Router();
  router.route('/media/:token/:name').get(serve(deps)).all(methodNotAllowed('GET, HEAD'));
  return router;
}

const serve =
  (deps: MediaDeps): RequestHandler<{ token: string; name: string }> =>
  async (req, res) => {
    const gone = new AbortController();
    res.once('close', () => gone.abort());
    const file = await deps.open(req.params.token, gone.signal);
    res.set({
      'Content-Type': file.contentType,
      'Content-Disposition': `attachment; filename*=UTF-8''${encodeURIComponent(file.name)}`,
      'Cache-Control': 'private, no-store',
      'X-Content-Type-Options': 'nosniff',
      ...(file.length === undefined ? {} : { 'Content-Length': String(file.length) }),
    });
    try {
      await pipeline(file.stream, limitedTo(deps.maxBytes), res);
    } catch (error) {
      // The answer has begun: it can only be broken off, so that nobody takes a piece for the whole.
      deps.log.warn('media.interrupted', { requestId: requestIdOf(res), error });
      res.destroy();
    }
  };

function limitedTo(maxBytes: number): Transform {
  let bytes = 0;
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      bytes += chunk.length;
      if (bytes > maxBytes) done(new Error('the file is too large'));
      else done(null, chunk);
    },
  });
}
