import axios, { type AxiosInstance, type AxiosResponse } from 'axios';
import type { Clock } from '../kit/clock.ts';
import { DeliveryError } from '../kit/errors.ts';
import type { Logger } from '../kit/logger.ts';
import { createAgents } from './agents.ts';
import { movedBase, restBase } from './endpoint.ts';
import { classify, classifyNetwork, type CallContext, type HttpAnswer } from './verdict.ts';
import { asFields, asNumber, asText } from './wire.ts';

/** Parameters of a REST method; `undefined` members are left out. */
export type Params = Readonly<Record<string, unknown>>;

export interface PortalRequest {
  /** REST base of the portal, ends with `/rest/`. */
  endpoint: string;
  token: string;
  method: string;
  params: Params;
  /** Executing it twice does no harm. */
  repeatable: boolean;
  signal?: AbortSignal;
  /** Ours, for the log. */
  portalId?: string;
}

export interface Answer {
  result: unknown;
  /** `operating` in seconds, `operatingResetAt` in milliseconds since the epoch. Absent on many portals. */
  time?: { operating?: number; operatingResetAt?: number };
  /** The portal answered from another REST base. */
  movedTo?: string;
}

export interface Client {
  /** One call, at most two redirects, no retries. @throws DeliveryError */
  post(request: PortalRequest): Promise<Answer>;
  close(): void;
}

export interface ClientDeps {
  clock: Clock;
  log: Logger;
  /** Plain http and private networks too. */
  allowInsecure: boolean;
  /** `name/version`: Bitrix24 asks for a real one. */
  userAgent: string;
  /** A little above the 60 s after which the cloud cuts a hit off: giving up earlier would abandon finished work. */
  timeoutMs?: number;
}

const MAX_ANSWER_BYTES = 16 * 1024 * 1024;
const MAX_HOPS = 2;
const REDIRECTS = new Set([301, 302, 307, 308]);

interface Reply extends HttpAnswer {
  location?: string;
}

export function createClient(deps: ClientDeps): Client {
  const { clock, log, allowInsecure, timeoutMs = 65_000 } = deps;
  const agents = createAgents({ allowInsecure });
  const http = createHttp(deps.userAgent, agents);

  const exchange = async (base: string, request: PortalRequest, context: CallContext): Promise<Reply> => {
    const deadline = linkedDeadline(timeoutMs, request.signal);
    try {
      const body = { ...request.params, auth: request.token };
      return readReply(await http.post<string>(`${base}${request.method}`, body, { signal: deadline.signal }));
    } catch (error) {
      throw classifyNetwork(deadline.reason() ?? error, { ...context, now: clock.now() });
    } finally {
      deadline.clear();
    }
  };

  /** Follows a moved portal by posting again: a redirect followed the usual way loses method, body and token. */
  const follow = async (request: PortalRequest): Promise<{ reply: Reply; base: string; sentAt: number }> => {
    let base = restBase(request.endpoint, { allowInsecure });
    for (let hop = 0; base !== undefined; hop += 1) {
      const sentAt = clock.now();
      const reply = await exchange(base, request, { ...request, sentAt, now: sentAt });
      if (!REDIRECTS.has(reply.status) || hop === MAX_HOPS) return { reply, base, sentAt };
      const moved = movedBase(reply.location ?? '', `${base}${request.method}`, request.method, { allowInsecure });
      if (moved === undefined) return { reply, base, sentAt };
      base = moved;
    }
    throw notAllowed(request.endpoint);
  };

  const call = async (request: PortalRequest): Promise<Answer & { status: number }> => {
    if (request.signal?.aborted) throw aborted(request.method);
    const { reply, base, sentAt } = await follow(request);
    const failure = classify(reply, { ...request, sentAt, now: clock.now() });
    if (failure) throw failure;
    const moved = base === restBase(request.endpoint, { allowInsecure }) ? {} : { movedTo: base };
    return { status: reply.status, ...answerOf(reply.body), ...moved };
  };

  return {
    async post(request) {
      const startedAt = clock.now();
      const { method, portalId } = request;
      const report = (outcome: { status?: number; code: string }): void =>
        log.debug('portal.called', { portalId, method, ...outcome, durationMs: clock.now() - startedAt });
      try {
        const { status, ...answer } = await call(request);
        report({ status, code: 'ok' });
        return answer;
      } catch (error) {
        if (error instanceof DeliveryError) report({ ...statusOf(error), code: error.code });
        throw error;
      }
    },
    close: () => agents.destroy(),
  };
}

/** axios with everything off that would decide for us: redirects, status, parsing, proxies of the environment. */
function createHttp(userAgent: string, agents: ReturnType<typeof createAgents>): AxiosInstance {
  return axios.create({
    httpAgent: agents.httpAgent,
    httpsAgent: agents.httpsAgent,
    maxRedirects: 0,
    maxContentLength: MAX_ANSWER_BYTES,
    maxBodyLength: Infinity,
    proxy: false,
    responseType: 'text',
    transformResponse: (text: unknown) => text,
    validateStatus: () => true,
    headers: { Accept: 'application/json', 'Content-Type': 'application/json', 'User-Agent': userAgent },
  });
}

function readReply(response: AxiosResponse<string>): Reply {
  const { location, 'content-type': contentType } = asFields({ ...response.headers });
  return {
    status: response.status,
    contentType: asText(contentType),
    body: parseBody(response.data),
    location: asText(location),
  };
}

/** The value, or the text where it is no JSON. */
function parseBody(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text.trim();
  }
}

function answerOf(body: unknown): Pick<Answer, 'result' | 'time'> {
  const { result, time } = asFields(body);
  const operating = asNumber(asFields(time).operating);
  const resetAt = asNumber(asFields(time).operating_reset_at);
  if (operating === undefined && resetAt === undefined) return { result };
  return {
    result,
    time: {
      ...(operating === undefined ? {} : { operating }),
      ...(resetAt === undefined ? {} : { operatingResetAt: resetAt * 1_000 }),
    },
  };
}

interface Deadline {
  signal: AbortSignal;
  /** Why the signal fired; undefined when it did not. */
  reason(): Error | undefined;
  clear(): void;
}

/** Covers the whole exchange; the HTTP library's own timeout starts again with every byte. */
function linkedDeadline(timeoutMs: number, outer: AbortSignal | undefined): Deadline {
  const controller = new AbortController();
  const stop = (code: string): void => controller.abort(Object.assign(new Error(code), { code }));
  const timer = setTimeout(() => stop('ETIMEDOUT'), timeoutMs);
  const onAbort = (): void => stop('ERR_CANCELED');
  outer?.addEventListener('abort', onAbort, { once: true });
  return {
    signal: controller.signal,
    reason: () => (controller.signal.aborted ? (controller.signal.reason as Error) : undefined),
    clear() {
      clearTimeout(timer);
      outer?.removeEventListener('abort', onAbort);
    },
  };
}

const statusOf = ({ status }: DeliveryError): { status?: number } => (status === undefined ? {} : { status });

const aborted = (method: string): DeliveryError =>
  new DeliveryError({ verdict: 'retry', code: 'aborted', detail: `${method} was given up before it was sent` });

const notAllowed = (endpoint: string): DeliveryError =>
  new DeliveryError({
    verdict: 'blocked',
    code: 'endpoint_not_allowed',
    detail: `${URL.canParse(endpoint) ? new URL(endpoint).host : 'the endpoint'} is not a public https REST base`,
  });
