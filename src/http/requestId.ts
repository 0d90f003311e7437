import { randomUUID } from 'node:crypto';
import type { RequestHandler, Response } from 'express';

/** What may come from outside into every log line: short, and nothing that breaks a line. */
const SANE = /^[A-Za-z0-9._:-]{1,100}$/;

/** Keeps the caller's `x-request-id` or makes one; it follows the work into every line, job and attempt. */
export const requestId: RequestHandler = (req, res, next) => {
  const given = req.get('x-request-id') ?? '';
  const id = SANE.test(given) ? given : randomUUID();
  res.locals.requestId = id;
  res.set('x-request-id', id);
  next();
};

/** Empty where the middleware did not run. */
export const requestIdOf = (res: Response): string => (res.locals as { requestId?: string }).requestId ?? '';
