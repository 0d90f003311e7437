import axios, { type AxiosResponse, isAxiosError } from 'axios';
import type { Clock } from '../kit/clock.ts';
import { DeliveryError } from '../kit/errors.ts';
import { type Egress, NOT_ALLOWED, refusal } from './egress.ts';
import { sign } from './signature.ts';

/** Requests to a messenger: its `deliveryUrl`, signed by Standard Webhooks. */

export interface Delivery {
  url: string;
  /** All delivery secrets that are valid now: while one is rotated, either may be known over there. */
  secrets: readonly string[];
  /** `webhook-id`; the same over retries. */
  id: string;
  body: object;
}

export interface MessengerClient {
  /**
   * @returns the ids the messenger gave the message; none while it does not know yet.
   * @throws DeliveryError `retry`; `blocked` with the code `gone` for 410. Never `unsure`: the id makes a repetition
   * harmless.
   */
  deliver(delivery: Delivery): Promise<{ messageIds: string[] }>;
}

const TIMEOUT_MS = 15_000;
const MAX_ANSWER_BYTES = 64 * 1024;
const MAX_IDS = 50;
const MAX_ID_LENGTH = 255;
const MAX_RETRY_AFTER_MS = 3_600_000;

export function createMessengerClient(deps: { egress: Egress; clock: Clock; userAgent: string }): MessengerClient {
  const { egress, clock, userAgent } = deps;

  return {
    async deliver({ url, secrets, id, body }) {
      egress.check(url);
      const raw = JSON.stringify(body);
      const timestamp = Math.floor(clock.now() / 1000);
      const signatures = secrets.map((secret) => sign({ id, timestamp, body: raw, secret }));
      const answer = await axios
        .post<unknown>(url, raw, {
          headers: {
            'content-type': 'application/json',
            'user-agent': userAgent,
            'webhook-id': id,
            'webhook-timestamp': String(timestamp),
            'webhook-signature': signatures.join(' '),
          },
          httpAgent: egress.httpAgent,
          httpsAgent: egress.httpsAgent,
          proxy: false,
          maxRedirects: 0,
          maxContentLength: MAX_ANSWER_BYTES,
          timeout: TIMEOUT_MS,
          signal: AbortSignal.timeout(2 * TIMEOUT_MS),
          responseType: 'text',
          transformResponse: (text: unknown) => text,
          validateStatus: () => true,
        })
        .catch((error: unknown) => {
          throw failureOf(error);
        });
      if (answer.status >= 200 && answer.status < 300) return { messageIds: idsIn(answer.data) };
      throw refusalOf(answer);
    },
  };
}

function failureOf(error: unknown): Error {
  if (!isAxiosError(error)) return error as Error;
  if (error.code === NOT_ALLOWED) return refusal();
  // An answer without end is an answer all the same; its status is not known any more.
  const isTimeout = error.code === 'ECONNABORTED' || error.code === 'ETIMEDOUT' || error.code === 'ERR_CANCELED';
  const code = isTimeout ? 'timeout' : error.code === 'ERR_BAD_RESPONSE' ? 'answer_too_large' : 'network';
  return new DeliveryError({ verdict: 'retry', code, detail: error.code ?? 'no answer', cause: error });
}

function refusalOf({ status, headers }: AxiosResponse): DeliveryError {
  if (status === 410) {
    return new DeliveryError({ verdict: 'blocked', code: 'gone', status, detail: 'the messenger wants no deliveries' });
  }
  const retryAfterMs = retryAfter(headers['retry-after']);
  const detail = status < 400 ? 'redirects are not followed' : `the messenger answered ${status}`;
  return new DeliveryError({
    verdict: 'retry',
    code: `http_${status}`,
    status,
    detail,
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  });
}

/** Only the number of seconds; a date would need both clocks to agree. */
function retryAfter(value: unknown): number | undefined {
  if (typeof value !== 'string' || !/^\d{1,6}$/.test(value)) return undefined;
  return Math.min(Number(value) * 1000, MAX_RETRY_AFTER_MS);
}

/** Whatever else it says, a 2xx is a yes. */
function idsIn(text: unknown): string[] {
  let body: unknown;
  try {
    body = JSON.parse(String(text));
  } catch {
    return [];
  }
  const { messageIds } = (body ?? {}) as { messageIds?: unknown };
  if (!Array.isArray(messageIds)) return [];
  const ids = messageIds.flatMap((id) => (typeof id === 'string' || typeof id === 'number' ? [String(id)] : []));
  return ids.filter((id) => id !== '' && id.length <= MAX_ID_LENGTH && !id.includes('\0')).slice(0, MAX_IDS);
}
