import { DeliveryError } from '../kit/errors.ts';
import type { Answer, Client, Params } from './client.ts';
import type { Access, Tokens } from './tokens.ts';
import { asFields, asList, asNumber, asText, hasCode } from './wire.ts';

/**
 * One REST method of one portal; answers its bare `result`.
 * `repeatable` (default false): executing it twice does no harm, so a lost answer is `retry` and not `unsure`.
 * @throws DeliveryError
 */
export type Call = (method: string, params: Params, options?: { repeatable?: boolean }) => Promise<unknown>;

/** Of the operating limit; OPERATION_TIME_LIMIT of the table of codes. */
const OPERATING_LIMIT_CODE = 'OPERATION_TIME_LIMIT';

/** What a method has used of its window (contract platform §4.3). */
export interface MethodUse {
  method: string;
  /** Seconds of execution. */
  operating: number;
  /** When the window moves on, milliseconds since the epoch. */
  operatingResetAt?: number;
}

/**
 * The operating time of a portal's methods, where all processes share it. A batch is charged to `batch` by one reading
 * and to its commands by the other, so it is admitted by all of them (contract platform §4.3).
 */
export interface OperatingBudget {
  /** @throws DeliveryError retry, costing no attempt, while one of the methods has used its time up. */
  admit(methods: readonly string[]): Promise<void>;
  /** Told after every answer that says something about it. */
  used(uses: readonly MethodUse[]): Promise<void>;
  /** The portal refused: not before `afterMs`; 0 where it did not say. */
  exhausted(method: string, afterMs: number): Promise<void>;
}

export interface PortalCallDeps {
  client: Client;
  tokens: Tokens;
  /** Awaited before every HTTP request, the repeat with a renewed token included: the place of the portal's gate. */
  beforeCall?: () => Promise<void>;
  budget?: OperatingBudget;
  /** The portal lives at another REST base now. */
  onMoved?: (endpoint: string, token: string) => Promise<void>;
  /** Ours, for the log. */
  portalId?: string;
  /** Whoever waits for the answers gives up. */
  signal?: AbortSignal;
}

export function createPortalCall(deps: PortalCallDeps): Call {
  const { client, tokens, beforeCall, budget, onMoved, portalId, signal } = deps;
  const about = { ...(portalId === undefined ? {} : { portalId }), ...(signal === undefined ? {} : { signal }) };
  const attempt = async (access: Access, method: string, params: Params, repeatable: boolean): Promise<unknown> => {
    await budget?.admit(methodsOf(method, params));
    await beforeCall?.();
    try {
      const answer = await client.post({ ...access, ...about, method, params, repeatable });
      if (answer.movedTo !== undefined) await onMoved?.(answer.movedTo, access.token);
      await budget?.used(usesOf(method, params, answer));
      for (const exhausted of exhaustedIn(method, params, answer)) await budget?.exhausted(exhausted, 0);
      return answer.result;
    } catch (error) {
      if (hasCode(error, OPERATING_LIMIT_CODE)) await budget?.exhausted(method, error.retryAfterMs ?? 0);
      throw error;
    }
  };

  return async (method, params, { repeatable = false } = {}) => {
    let access = await tokens.current();
    let renewed = false;
    for (;;) {
      try {
        return await attempt(access, method, params, repeatable);
      } catch (error) {
        if (isTokenRejected(error)) {
          if (renewed) throw rejectedTwice(error);
          access = await tokens.renew(access.token);
          renewed = true;
        } else {
          const other = isUserRejected(error) ? await tokens.instead(access.token, error.code) : undefined;
          if (!other) throw error;
          access = other;
          renewed = false;
        }
      }
    }
  };
}

/** The methods that work in one request: of a batch itself and its commands. */
function methodsOf(method: string, { cmd }: Params): string[] {
  if (method !== 'batch') return [method];
  return [method, ...new Set(asList(cmd).map(commandMethod))];
}

const commandMethod = (command: unknown): string => asText(command).split('?', 1)[0] ?? '';

function usesOf(method: string, { cmd }: Params, { result, time }: Answer): MethodUse[] {
  const own = time?.operating === undefined ? [] : [{ method, ...time, operating: time.operating }];
  if (method !== 'batch') return own;
  const times = asFields(asFields(result).result_time);
  const nested = Object.entries(asFields(cmd)).flatMap(([key, command]) => {
    const { operating, operating_reset_at } = asFields(times[key]);
    const [seconds, resetAt] = [asNumber(operating), asNumber(operating_reset_at)];
    if (seconds === undefined) return [];
    const reset = resetAt === undefined ? {} : { operatingResetAt: resetAt * 1_000 };
    return [{ method: commandMethod(command), operating: seconds, ...reset }];
  });
  return [...own, ...nested];
}

/** Commands of a batch are refused one by one, inside a success. */
function exhaustedIn(method: string, { cmd }: Params, { result }: Answer): string[] {
  if (method !== 'batch') return [];
  const commands = asFields(cmd);
  const refused = Object.entries(asFields(asFields(result).result_error));
  const keys = refused.filter(([, error]) => asFields(error).error === OPERATING_LIMIT_CODE).map(([key]) => key);
  return [...new Set(keys.map((key) => commandMethod(commands[key])))];
}

/** The user of the grant left, or lost the application; another administrator's may do. Decided before the method runs. */
const isUserRejected = (error: unknown): error is DeliveryError =>
  hasCode(error, 'authorization_error', 'user_access_error');

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
