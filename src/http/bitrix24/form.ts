import express, { type Request, type RequestHandler } from 'express';
import { type FormValue, parseForm } from '../../bitrix24/events.ts';

/** Events of a portal can carry twenty messages with their files. */
const MAX_BODY_BYTES = 1024 * 1024;

/** Reads the body as text: PHP's bracket form encoding is decoded by our own parser, to any depth Bitrix24 uses. */
export const formBody: RequestHandler = express.text({
  type: () => true,
  limit: MAX_BODY_BYTES,
  defaultCharset: 'utf-8',
});

/** @throws RequestError invalid_request */
export const formOf = (req: Request): FormValue => parseForm(typeof req.body === 'string' ? req.body : '');

/** @throws RequestError invalid_request */
export const queryOf = (req: Request): FormValue => parseForm(req.originalUrl.split('?')[1] ?? '');
