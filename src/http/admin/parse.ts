import express, { type Request, type RequestHandler } from 'express';
import type { z } from 'zod';
import { RequestError } from '../../kit/errors.ts';
import { describeIssues } from '../../messenger/issues.ts';

const MAX_BODY_BYTES = 1024 * 1024;

const hasBody = (req: Request): boolean =>
  req.headers['transfer-encoding'] !== undefined || Number(req.get('content-length') ?? 0) > 0;

/** Anything but JSON would silently be no body at all. */
const jsonOnly: RequestHandler = (req, _res, next) => {
  const isJson = /^application\/json\s*(;|$)/i.test(req.get('content-type') ?? '');
  if (hasBody(req) && !isJson) throw new RequestError('unsupported_media_type', 'Expected application/json');
  next();
};

export const readJson: RequestHandler[] = [jsonOnly, express.json({ limit: MAX_BODY_BYTES, strict: false })];

/** @throws RequestError `invalid_request` with `errors: [{path, message}]`; paths are JSON pointers. */
export function check<Schema extends z.ZodType>(
  schema: Schema,
  value: unknown,
  where: 'body' | 'query',
): z.output<Schema> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const errors = describeIssues(result.error.issues);
  const [first] = errors;
  const detail = first && `${where === 'query' ? 'Query ' : ''}${first.path || `The ${where}`}: ${first.message}`;
  throw new RequestError('invalid_request', detail, { errors });
}

/** A path that cannot name anything names nothing. */
export function checkPath<Schema extends z.ZodType>(schema: Schema, params: unknown): z.output<Schema> {
  const result = schema.safeParse(params);
  if (!result.success) throw new RequestError('not_found');
  return result.data;
}
