import axios, { isAxiosError } from 'axios';
import { type Egress, NOT_ALLOWED } from './egress.ts';

/** Whether somebody answers at the `deliveryUrl` of a messenger. */
export interface MessengerProbe {
  /** Never throws: the status that was answered, or why there was none. */
  ask(url: string, signal: AbortSignal): Promise<Probed>;
}

export type Probed = { status: number } | { failure: 'address_not_allowed' | 'timeout' | 'network'; detail: string };

const TIMEOUT_MS = 8_000;

/**
 * A HEAD without body, `webhook-id` and signature: nothing a messenger could take for a delivery, and by the rules of
 * HTTP nothing it acts upon. Whatever it answers, it answers.
 */
export function createMessengerProbe(deps: { egress: Egress; userAgent: string }): MessengerProbe {
  const { egress, userAgent } = deps;
  return {
    async ask(url, signal) {
      try {
        egress.check(url);
        const { status } = await axios.head(url, {
          headers: { 'user-agent': userAgent },
          httpAgent: egress.httpAgent,
          httpsAgent: egress.httpsAgent,
          proxy: false,
          maxRedirects: 0,
          timeout: TIMEOUT_MS,
          signal: AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]),
          validateStatus: () => true,
        });
        return { status };
      } catch (error) {
        const code = (error as { code?: string }).code ?? 'no answer';
        if (code === NOT_ALLOWED) return { failure: 'address_not_allowed', detail: code };
        const isTimeout = isAxiosError(error) && /ECONNABORTED|ETIMEDOUT|ERR_CANCELED/.test(code);
        return { failure: isTimeout ? 'timeout' : 'network', detail: code };
      }
    },
  };
}
