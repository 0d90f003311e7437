import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import axios from 'axios';
import type { Clock } from '../kit/clock.ts';
import { classifyNetwork } from './verdict.ts';

export interface OAuthReply {
  status: number;
  /** Parsed JSON, or the text where it is none. */
  body: unknown;
}

export interface OAuthHttp {
  /** POST of a form, so that secrets stay out of access logs (contract platform §2.1). @throws DeliveryError retry */
  post(url: string, form: Record<string, string>): Promise<OAuthReply>;
  close(): void;
}

/** Follows no redirect: it would carry secrets to a host nobody trusts. */
export function createOAuthHttp({ clock, timeoutMs }: { clock: Clock; timeoutMs: number }): OAuthHttp {
  const httpAgent = new HttpAgent();
  const httpsAgent = new HttpsAgent();
  const http = axios.create({
    httpAgent,
    httpsAgent,
    timeout: timeoutMs,
    maxRedirects: 0,
    maxContentLength: 1024 * 1024,
    proxy: false,
    responseType: 'text',
    transformResponse: (text: unknown) => text,
    validateStatus: () => true,
    headers: { Accept: 'application/json' },
  });
  return {
    async post(url, form) {
      const sentAt = clock.now();
      try {
        const signal = AbortSignal.timeout(timeoutMs * 2);
        const { status, data } = await http.post<string>(url, new URLSearchParams(form), { signal });
        return { status, body: parse(data) };
      } catch (error) {
        const method = new URL(url).pathname;
        throw classifyNetwork(error, { method, repeatable: true, sentAt, now: clock.now() });
      }
    },
    close() {
      httpAgent.destroy();
      httpsAgent.destroy();
    },
  };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}
