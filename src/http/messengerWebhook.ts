import express, {
  type ErrorRequestHandler,
  type Request,
  type RequestHandler,
  type Response,
  type Router,
} from 'express';
import type { Clock } from '../kit/clock.ts';
import { RequestError } from '../kit/errors.ts';
import type { LogFields, Logger } from '../kit/logger.ts';
import type { ReceivedEvent } from '../messenger/payload.ts';
import { presetOf } from '../messenger/presets/all.ts';
import { methodNotAllowed, problemCodeOf } from './problem.ts';
import { requestIdOf } from './requestId.ts';

/** `POST /webhooks/{messenger}`: verify, parse, accept, answer after the commit; nothing else happens here. */

const MAX_BODY_BYTES = 1024 * 1024;
const MAX_SLUG_LENGTH = 200;

export interface WebhookMessenger {
  id: string;
  slug: string;
  gateId: string;
  /** How it proves itself, and what its payloads mean. */
  preset: string;
  /** Any of them may have signed. */
  secrets: readonly string[];
}

export interface MessengerWebhookDeps {
  findMessenger(slug: string): Promise<WebhookMessenger | undefined>;
  /** Resolves when the events are durable; `accepted + duplicates` is their number. */
  accept(
    messenger: WebhookMessenger,
    events: ReceivedEvent[],
    context: { requestId: string },
  ): Promise<{ accepted: number; duplicates: number }>;
  clock: Clock;
  log: Logger;
}

/** Answers 202 {accepted, duplicates}, or 200 to a handshake. Nothing is stored when any other answer is given. */
export function createMessengerWebhook(deps: MessengerWebhookDeps): Router {
  const router = express.Router();
  router
    .route('/webhooks/:slug')
    // The limit holds for the body after inflation.
    .post(begin, jsonOnly, express.raw({ type: () => true, limit: MAX_BODY_BYTES }), receive(deps), refuse(deps.log))
    .all(methodNotAllowed('POST'));
  return router;
}

const receive =
  (deps: MessengerWebhookDeps): RequestHandler<{ slug: string }> =>
  async (req, res) => {
    const { slug } = req.params;
    const requestId = requestIdOf(res);
    const storing = orNotStored(deps.log, { requestId, messenger: printable(slug) });

    const messenger = isPossible(slug) ? await storing(() => deps.findMessenger(slug)) : undefined;
    const preset = messenger && presetOf(messenger.preset);
    if (!messenger || !preset) throw new RequestError('unknown_messenger');
    const request = {
      header: (name: string) => soleHeader(req, name),
      body: Buffer.isBuffer(req.body) ? req.body : Buffer.alloc(0),
      secrets: messenger.secrets,
      now: deps.clock.now(),
    };
    preset.verify(request);
    const greeting = preset.handshake?.(request);
    if (greeting) return void res.json(greeting);
    const events = preset.translate(request);
    const storesNothing = events.length === 0;
    const { accepted, duplicates } = storesNothing
      ? { accepted: 0, duplicates: 0 }
      : await storing(() => deps.accept(messenger, events, { requestId }));
    res.status(202).json({ accepted, duplicates });
    deps.log.debug('webhook.answered', { requestId, messenger: slug, code: 'ok', accepted, duplicates, ...took(res) });
  };

const begin: RequestHandler<{ slug: string }> = (_req, res, next) => {
  res.locals.beganAt = performance.now();
  next();
};
const took = (res: Response): { durationMs: number } => ({
  durationMs: performance.now() - (res.locals as { beganAt: number }).beganAt,
});

/** `application/json` in UTF-8, whatever other parameters it has. */
const jsonOnly: RequestHandler<{ slug: string }> = (req, _res, next) => {
  const [type = '', ...parameters] = (req.get('content-type') ?? '').toLowerCase().split(';');
  const charsets = parameters.map((parameter) => parameter.trim()).filter((text) => text.startsWith('charset='));
  const isUtf8 = charsets.every((text) => /^charset="?utf-?8"?$/.test(text));
  if (type.trim() !== 'application/json' || !isUtf8) {
    throw new RequestError('unsupported_media_type', 'Expected application/json in UTF-8');
  }
  next();
};

/** A header sent twice has two meanings; which one was signed is not ours to choose. */
function soleHeader(req: Request<{ slug: string }>, name: string): string {
  const values = req.headersDistinct[name] ?? [];
  return values.length === 1 ? (values[0] ?? '') : '';
}

/** What the database can be asked for. */
const isPossible = (slug: string): boolean => slug.length <= MAX_SLUG_LENGTH && !slug.includes('\0');

/** A slug somebody made up must not break a log line. */
const printable = (slug: string): string => (/^[\w.~-]{1,64}$/.test(slug) ? slug : '?');

/** Any failure to reach our own storage means: not now, send it again. */
const orNotStored =
  (log: Logger, fields: LogFields) =>
  async <Result>(work: () => Promise<Result>): Promise<Result> => {
    try {
      return await work();
    } catch (error) {
      if (error instanceof RequestError) throw error;
      log.error('event.not_stored', { ...fields, error });
      throw new RequestError('not_stored');
    }
  };

/** The integrator's view of a sender that is not set up right yet. Accepted events are logged where they are stored. */
const refuse =
  (log: Logger): ErrorRequestHandler<{ slug: string }> =>
  (error: unknown, req, res, next) => {
    const code = problemCodeOf(error);
    const about = { requestId: requestIdOf(res), messenger: printable(req.params.slug), code };
    const isLogged = code === 'not_stored' || code === 'internal';
    if (!isLogged) log.info('event.refused', about);
    log.debug('webhook.answered', { ...about, ...took(res) });
    next(error);
  };
