import type { Request, Response } from 'express';
import { phpJson } from '../php/json.ts';

export interface Answer {
  readonly status: number;
  readonly type: string;
  readonly body: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** What becomes of a request: an answer, or a connection that breaks after `holdMs` of silence. */
export type Outcome = { readonly answer: Answer } | { readonly cut: true; readonly holdMs?: number };

export function json(status: number, body: unknown): Answer {
  return { status, type: 'application/json; charset=utf-8', body: phpJson(body) };
}

export function html(status: number, body: string): Answer {
  return { status, type: 'text/html; charset=utf-8', body };
}

/** Answers, or breaks the connection; true when the answer went out. */
export async function deliver(req: Request, res: Response, outcome: Outcome): Promise<boolean> {
  if (!('answer' in outcome)) {
    await silence(req, outcome.holdMs ?? 0);
    req.socket.resetAndDestroy();
    return false;
  }
  const { answer } = outcome;
  if (res.destroyed || req.socket.destroyed) return false;
  res.status(answer.status).set({
    'Access-Control-Allow-Origin': '*',
    'X-Content-Type-Options': 'nosniff',
    ...answer.headers,
    'Content-Type': answer.type,
  });
  res.end(answer.body);
  return true;
}

/** Waits, or until the caller hangs up. */
function silence(req: Request, ms: number): Promise<void> {
  if (ms <= 0) return Promise.resolve();
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    req.socket.once('close', () => {
      clearTimeout(timer);
      resolve();
    });
  });
}
