import type { Readable } from 'node:stream';
import axios, { type AxiosResponse, isAxiosError } from 'axios';
import type { Clock } from '../kit/clock.ts';
import { DeliveryError } from '../kit/errors.ts';
import { type Egress, NOT_ALLOWED, refusal } from './egress.ts';
import { sign } from './signature.ts';

/** Files of a messenger, fetched by the gateway. */

export interface FetchedFile {
  stream: Readable;
  contentType: string;
  /** Bytes, as announced. */
  length: number | undefined;
}

export interface FileClient {
  /**
   * `signedBy`: the messenger's secrets, to prove who asks; only for addresses of the messenger itself. `id` makes the
   * signature's `webhook-id`.
   * @throws DeliveryError when it cannot be had: `http_<status>`, `network`, `timeout`, `address_not_allowed`.
   */
  open(url: string, options: { id: string; signedBy?: readonly string[]; signal?: AbortSignal }): Promise<FetchedFile>;
}

const TIMEOUT_MS = 20_000;
/** The portal itself gives up after a minute (contract imconnector §3.7). */
const WHOLE_FILE_MS = 120_000;
const MAX_REDIRECTS = 3;

export function createFileClient(deps: { egress: Egress; clock: Clock; userAgent: string }): FileClient {
  const { egress, clock, userAgent } = deps;

  function proof(id: string, secrets: readonly string[]): Record<string, string> {
    const timestamp = Math.floor(clock.now() / 1000);
    const signatures = secrets.map((secret) => sign({ id, timestamp, body: '', secret }));
    return { 'webhook-id': id, 'webhook-timestamp': String(timestamp), 'webhook-signature': signatures.join(' ') };
  }

  async function visit(url: string, headers: Record<string, string>, signal: AbortSignal): Promise<AxiosResponse> {
    egress.check(url);
    try {
      return await axios.get<Readable>(url, {
        headers: { 'user-agent': userAgent, accept: '*/*', ...headers },
        httpAgent: egress.httpAgent,
        httpsAgent: egress.httpsAgent,
        proxy: false,
        maxRedirects: 0,
        timeout: TIMEOUT_MS,
        signal,
        responseType: 'stream',
        validateStatus: () => true,
      });
    } catch (error) {
      if (isAxiosError(error) && error.code === NOT_ALLOWED) throw refusal();
      const code = isAxiosError(error) && error.code === 'ECONNABORTED' ? 'timeout' : 'network';
      throw new DeliveryError({ verdict: 'retry', code, detail: 'the file cannot be fetched', cause: error });
    }
  }

  return {
    async open(url, { id, signedBy = [], signal }) {
      const patience = AbortSignal.timeout(WHOLE_FILE_MS);
      const until = signal ? AbortSignal.any([signal, patience]) : patience;
      let headers = signedBy.length > 0 ? proof(id, signedBy) : {};
      for (let [at, redirects] = [url, 0]; ; redirects++) {
        const answer = await visit(at, headers, until);
        const stream = answer.data as Readable;
        if (answer.status === 200) {
          const length = Number(answer.headers['content-length'] ?? NaN);
          const contentType = String(answer.headers['content-type'] ?? 'application/octet-stream');
          return { stream, contentType, length: Number.isFinite(length) ? length : undefined };
        }
        stream.destroy();
        const next = redirectOf(answer, at);
        if (next === undefined || redirects >= MAX_REDIRECTS) throw refusedWith(answer.status);
        // Whoever it leads to is not who the signature was for.
        if (new URL(next).origin !== new URL(at).origin) headers = {};
        at = next;
      }
    },
  };
}

function redirectOf({ status, headers }: AxiosResponse, from: string): string | undefined {
  const location: unknown = headers.location;
  if (![301, 302, 303, 307, 308].includes(status) || typeof location !== 'string') return undefined;
  if (!URL.canParse(location, from)) return undefined;
  const next = new URL(location, from);
  return /^https?:$/.test(next.protocol) ? next.href : undefined;
}

const refusedWith = (status: number): DeliveryError =>
  new DeliveryError({ verdict: 'retry', code: `http_${status}`, status, detail: 'the file cannot be fetched' });
