import type { Clock } from '../kit/clock.ts';
import { DeliveryError } from '../kit/errors.ts';
import type { Params } from './client.ts';
import type { Call } from './portalApi.ts';
import { classify } from './verdict.ts';
import { asFields, asNumber, asText } from './wire.ts';

/** Many commands in one request: for bulk work only, since it shares one budget (contract platform §3.5, 4.3, 4.4). */

export const MAX_COMMANDS = 50;

export interface Command {
  method: string;
  params: Params;
  /** Executing it twice does no harm. */
  repeatable: boolean;
}

export type Outcome =
  { ok: true; result: unknown; operating?: number; operatingResetAt?: number } | { ok: false; failure: DeliveryError };

/**
 * At most 50 commands, executed in their order, each with its own outcome at its own place. Not a transaction.
 * A command whose text the batch would interpret goes out as a call of its own, after the others.
 * Never throws a DeliveryError: a request that fails as a whole is the outcome of every command.
 */
export async function runBatch(
  call: Call,
  commands: readonly Command[],
  { clock }: { clock: Clock },
): Promise<Outcome[]> {
  if (commands.length > MAX_COMMANDS) throw new RangeError(`a batch has at most ${MAX_COMMANDS} commands`);
  const packed = commands.filter(({ params }) => !hasReference(params));
  const outcomes = new Map(await runPacked(call, packed, clock));
  for (const command of commands) {
    if (!outcomes.has(command)) outcomes.set(command, await runSingle(call, command));
  }
  return commands.map((command) => outcomes.get(command) ?? lost(command));
}

interface Asked {
  command: Command;
  resolve: (result: unknown) => void;
  reject: (error: unknown) => void;
}

/**
 * A call whose users ask side by side: what they ask for at the same moment shares requests. For repeatable commands
 * only; a single one goes alone.
 */
export function bundled(call: Call, deps: { clock: Clock }): Call {
  let asked: Asked[] = [];

  async function send(): Promise<void> {
    const all = asked;
    asked = [];
    for (let start = 0; start < all.length; start += MAX_COMMANDS) {
      const failure: unknown = await answer(all.slice(start, start + MAX_COMMANDS)).catch((error: unknown) => error);
      if (failure === undefined) continue;
      // Whoever asked begins again with all of it; until then the portal is left alone.
      for (const { reject } of all.slice(start)) reject(failure);
      return;
    }
  }

  /** Returns what the request failed with as a whole; undefined when it was answered. */
  async function answer(group: readonly Asked[]): Promise<unknown> {
    const [only] = group;
    const single = group.length === 1 && only ? [await runSingle(call, only.command)] : undefined;
    const commands = group.map(({ command }) => command);
    const outcomes = single ?? (await runBatch(call, commands, deps));
    group.forEach(({ resolve, reject }, index) => {
      const outcome = outcomes[index];
      if (outcome?.ok) resolve(outcome.result);
      else reject(outcome?.failure);
    });
    const failures = outcomes.flatMap((outcome) => (outcome.ok ? [] : outcome.failure));
    const isWhole = failures.length === group.length && failures.every(({ verdict }) => verdict !== 'refused');
    return isWhole ? failures[0] : undefined;
  }

  return (method, params) =>
    new Promise((resolve, reject) => {
      asked.push({ command: { method, params, repeatable: true }, resolve, reject });
      if (asked.length === 1) setImmediate(() => void send());
    });
}

async function runPacked(call: Call, commands: readonly Command[], clock: Clock): Promise<[Command, Outcome][]> {
  if (commands.length === 0) return [];
  // Keys that are no numbers: with numbers PHP makes lists or maps of the answers as failures fall (trap 12).
  const cmd = Object.fromEntries(commands.map((command, index) => [`c${index}`, encodeCommand(command)]));
  const sentAt = clock.now();
  try {
    const answer = asFields(await call('batch', { halt: 0, cmd }));
    const context = { sentAt, now: clock.now() };
    return commands.map((command, index) => [command, outcomeOf(command, answer, `c${index}`, context)]);
  } catch (error) {
    if (!(error instanceof DeliveryError)) throw error;
    return commands.map((command) => [command, { ok: false, failure: failureFor(command, error) }]);
  }
}

/** Of a request without an answer an unknown number of commands was executed: only repeatable ones may simply repeat. */
function failureFor({ repeatable }: Command, error: DeliveryError): DeliveryError {
  if (error.verdict !== 'unsure' || !repeatable) return error;
  const { code, status, message } = error;
  return new DeliveryError({
    verdict: 'retry',
    code,
    detail: message,
    ...(status === undefined ? {} : { status }),
    cause: error,
  });
}

function outcomeOf(command: Command, answer: Params, key: string, times: { sentAt: number; now: number }): Outcome {
  const error = asFields(answer.result_error)[key];
  const result = asFields(answer.result);
  if (error !== undefined) {
    const failure = classify({ status: 400, body: error }, { ...command, ...times });
    return { ok: false, failure: failure ?? lost(command).failure };
  }
  if (!(key in result)) return lost(command);
  const time = asFields(asFields(answer.result_time)[key]);
  const operating = asNumber(time.operating);
  const resetAt = asNumber(time.operating_reset_at);
  return {
    ok: true,
    result: result[key],
    ...(operating === undefined ? {} : { operating }),
    ...(resetAt === undefined ? {} : { operatingResetAt: resetAt * 1_000 }),
  };
}

/** No entry anywhere is no success: nobody says whether the command ran (trap 13). */
const lost = ({ method, repeatable }: Command): { ok: false; failure: DeliveryError } => ({
  ok: false,
  failure: new DeliveryError({
    verdict: repeatable ? 'retry' : 'unsure',
    code: 'no_entry',
    detail: `the batch does not mention ${method}`,
  }),
});

async function runSingle(call: Call, { method, params, repeatable }: Command): Promise<Outcome> {
  try {
    return { ok: true, result: await call(method, params, { repeatable }) };
  } catch (error) {
    if (error instanceof DeliveryError) return { ok: false, failure: error };
    throw error;
  }
}

/**
 * `$result[c0]` and its kin are replaced after decoding, in names and values (§3.5): no encoding protects a name like
 * that, and changing it would make it another name.
 */
const hasReference = (value: unknown): boolean =>
  typeof value === 'string'
    ? /\$(result|error|total|next|time)\S*\[/i.test(value)
    : value !== null && typeof value === 'object' && Object.entries(value).flat().some(hasReference);

const encodeCommand = ({ method, params }: Command): string => `${method}?${encodePairs(params).join('&')}`;

/** The brackets of PHP; what is undefined is left out, null is empty. */
function encodePairs(params: object, prefix = ''): string[] {
  return Object.entries(params).flatMap(([key, value]: [string, unknown]) => {
    const name = prefix === '' ? encodeURIComponent(key) : `${prefix}[${encodeURIComponent(key)}]`;
    if (value === undefined) return [];
    if (value !== null && typeof value === 'object') return encodePairs(value, name);
    return [`${name}=${encodeURIComponent(scalarText(value))}`];
  });
}

const scalarText = (value: unknown): string => (typeof value === 'boolean' ? (value ? '1' : '0') : asText(value));
