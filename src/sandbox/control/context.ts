import type { Request, Response, Router } from 'express';
import type { Faults } from '../faults.ts';
import { isArray, type Params } from '../php/values.ts';
import type { SandboxPortal } from '../portalHandle.ts';
import { Refusal } from '../refusal.ts';

export interface ControlContext {
  readonly portal: () => SandboxPortal;
  readonly advance: (ms: number) => void;
  readonly oauthFaults: Faults;
}

/** Adds the routes of one subject. */
export type ControlRoutes = (router: Router, context: ControlContext) => void;

export interface ControlRequest {
  readonly body: Params;
  /** The body as it came, where a route reads it so. */
  readonly raw: Buffer;
  readonly query: Params;
  readonly path: Readonly<Record<string, string>>;
}

/** Runs an operation and answers what it returns; nothing becomes `{}`. */
export function control(work: (request: ControlRequest) => unknown) {
  return async (req: Request, res: Response): Promise<void> => {
    const body: unknown = req.body;
    const raw = Buffer.isBuffer(body) ? body : Buffer.alloc(0);
    const request = {
      body: isArray(body) && !Buffer.isBuffer(body) ? body : {},
      raw,
      query: req.query,
      path: req.params as Record<string, string>,
    };
    try {
      res.json((await work(request)) ?? {});
    } catch (error) {
      const refusal = error instanceof Refusal ? error : undefined;
      const text = error instanceof Error ? error.message : String(error);
      res.status(refusal?.status ?? 500).json({ error: refusal?.code ?? 'INTERNAL', error_description: text });
    }
  };
}
