import type { Call } from '../../../src/bitrix24/portalApi.ts';
import { DeliveryError, type DeliveryFailure } from '../../../src/kit/errors.ts';

export interface MadeCall {
  method: string;
  params: Readonly<Record<string, unknown>>;
  repeatable: boolean;
}

type Script = Readonly<Record<string, unknown>>;

/** A portal that answers each method with the scripted value, function of its parameters, or error. */
export function scriptedCall(script: Script): { call: Call; calls: MadeCall[] } {
  const calls: MadeCall[] = [];
  const answer = (method: string, params: MadeCall['params']): unknown => {
    if (!(method in script)) throw new Error(`${method} is not scripted`);
    const scripted = script[method];
    const value: unknown =
      typeof scripted === 'function' ? (scripted as (given: unknown) => unknown)(params) : scripted;
    if (value instanceof Error) throw value;
    return value;
  };
  return {
    calls,
    call: (method, params, { repeatable = false } = {}) => {
      calls.push({ method, params, repeatable });
      return Promise.resolve().then(() => answer(method, params));
    },
  };
}

export const refused = (code: string, more: Partial<DeliveryFailure> = {}): DeliveryError =>
  new DeliveryError({ verdict: 'refused', code, detail: code, ...more });
