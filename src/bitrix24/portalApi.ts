import { DeliveryError } from '../kit/errors.ts';
import type { Answer, Client, Params } from './client.ts';
import type { Access, Tokens } from './tokens.ts';

/**
 * One REST method of one portal; answers its bare `result`.
 * `repeatable` (default false): executing it twice does no harm, so a lost answer is `retry` and not `unsure`.
 * @throws DeliveryError
 */
export type Call = (method: string, params: Params, options?: { repeatable?: boolean }) => Promise<unknown>;

export interface AnswerInfo {
  method: string;
  /** Seconds of execution this method has used of its window (contract platform §4.3). */
  operating?: number;
  /** When the window moves on, milliseconds since the epoch. */
  operatingResetAt?: number;
  /** The portal lives at another REST base now: store it. */
  movedTo?: string;
}

export interface PortalCallDeps {
  client: Client;
  tokens: Tokens;
  /** Awaited before every HTTP request, the repeat with a renewed token included: the place of the portal's gate. */
  beforeCall?: () => Promise<void>;
  /** Told after every success. */
  onAnswer?: (info: AnswerInfo) => void;
}

export function createPortalCall({ client, tokens, beforeCall, onAnswer }: PortalCallDeps): Call {
  const attempt = async (access: Access, method: string, params: Params, repeatable: boolean): Promise<unknown> => {
    await beforeCall?.();
    const answer = await client.post({ ...access, method, params, repeatable });
    onAnswer?.(infoOf(method, answer));
    return answer.result;
  };

  return async (method, params, { repeatable = false } = {}) => {
    const access = await tokens.current();
    try {
      return await attempt(access, method, params, repeatable);
    } catch (error) {
      if (!isTokenRejected(error)) throw error;
    }
    const renewed = await tokens.renew(access.token);
    try {
      return await attempt(renewed, method, params, repeatable);
    } catch (error) {
      throw isTokenRejected(error) ? rejectedTwice(error) : error;
    }
  };
}

const infoOf = (method: string, { time, movedTo }: Answer): AnswerInfo => ({
  method,
  ...time,
  ...(movedTo === undefined ? {} : { movedTo }),
});

/** Both are decided before the method runs, so repeating is safe for any call. */
const isTokenRejected = (error: unknown): error is DeliveryError =>
  error instanceof DeliveryError && (error.code === 'expired_token' || error.code === 'invalid_token');

const rejectedTwice = (error: DeliveryError): DeliveryError =>
  new DeliveryError({
    verdict: 'blocked',
    code: error.code,
    detail: 'the portal rejects the token right after it was renewed',
    ...(error.status === undefined ? {} : { status: error.status }),
    cause: error,
  });
