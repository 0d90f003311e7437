import type { Request } from 'express';
import { RequestError } from '../../kit/errors.ts';

/** Browsers send the cookie by themselves, so a writing request has to show that a page of ours made it. */

/** Another site cannot set it without asking first, and is never told yes. `poll`: nobody touched anything. */
export const CONSOLE_HEADER = 'Ocg-Console';

const SAFE = ['GET', 'HEAD'];

export const isPolling = (req: Request): boolean => req.get(CONSOLE_HEADER) === 'poll';

/** @throws RequestError cross_site */
export function requireOwnPage(req: Request, publicUrl: string): void {
  if (SAFE.includes(req.method)) return;
  if (req.get(CONSOLE_HEADER) === undefined || !isSameOrigin(req, publicUrl)) throw new RequestError('cross_site');
}

/** The browser's own judgement where it gives one; over plain http, other than on this machine, it does not. */
function isSameOrigin(req: Request, publicUrl: string): boolean {
  const site = req.get('sec-fetch-site');
  if (site !== undefined) return site === 'same-origin';
  const origin = req.get('origin');
  if (origin === undefined || !URL.canParse(origin)) return false;
  return origin === new URL(publicUrl).origin || new URL(origin).host === req.get('host');
}
