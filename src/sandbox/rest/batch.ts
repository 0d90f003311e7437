import { faultBody, wait, type FaultEffect } from '../faults.ts';
import { parseQuery } from '../php/query.ts';
import { isArray, isEmpty, phpArray, upperKeys, without, type Params } from '../php/values.ts';
import { execute, methodNotFound, record, type Executed, type RestHit } from './execute.ts';
import { resolveReferences, type BatchSoFar } from './references.ts';

const MAX_COMMANDS = 50;
/** A request is cut off after this much work (contract platform §4.2). */
const MAX_SECONDS = 60;
const FORBIDDEN = new Set(['batch', 'download', 'upload']);

/** The five maps of the answer, or the way the whole request ended early. */
export type BatchResult = { readonly result: Params } | 'cut' | 'timeout';

type CommandResult = Executed | 'no entry' | 'cut';

/** Commands run one after another in the given order; nothing is rolled back (contract platform §3.5). */
export async function runBatch(rest: RestHit, sent: Params): Promise<BatchResult> {
  const params = upperKeys(sent);
  const halt = !isEmpty(params.HALT);
  const soFar: BatchSoFar = {
    result: new Map<string, unknown>(),
    error: new Map<string, unknown>(),
    total: new Map<string, unknown>(),
    next: new Map<string, unknown>(),
    time: new Map<string, unknown>(),
  };
  const commands = isArray(params.CMD) ? Object.entries(params.CMD) : [];
  for (const [index, [key, command]] of commands.entries()) {
    const done = await runCommand(rest, key, command, index, soFar);
    if (done === 'cut') return 'cut';
    if (rest.meter.total > MAX_SECONDS) return 'timeout';
    if (done === 'no entry') continue;
    keep(soFar, key, done.body);
    if (halt && soFar.error.has(key)) break;
  }
  return { result: answerOf(soFar) };
}

async function runCommand(
  rest: RestHit,
  key: string,
  command: unknown,
  index: number,
  soFar: BatchSoFar,
): Promise<CommandResult> {
  if (index >= MAX_COMMANDS) return refused(400, 'ERROR_BATCH_LENGTH_EXCEEDED', 'Max batch length exceeded');
  if (typeof command !== 'string') return 'no entry';
  const { name, query } = splitCommand(command);
  const own = without(resolveReferences(parseQuery(query), soFar), ['auth', 'access_token']);
  const { service, caller } = rest;
  const at = service.portal.clock.now();
  const entry = service.ledger.open({ at, portal: service.portal.memberId, method: name, params: own, batchKey: key });
  entry.app = caller.application?.clientId ?? null;
  entry.userId = caller.user.id;
  if (FORBIDDEN.has(name)) {
    return record(entry, refused(405, 'ERROR_BATCH_METHOD_NOT_ALLOWED', 'Method is not allowed for batch usage'));
  }
  const method = service.findMethod(name);
  if (!method) return record(entry, methodNotFound());
  const run = () => execute(rest, method, name, own, entry);
  const effects = service.faults.strike({ method: name, params: own, batchCommand: true });
  const done = await underCommandFaults(effects, run);
  return typeof done === 'string' ? done : record(entry, done);
}

/** Like `parse_url`: a raw `#` cuts the rest off. */
function splitCommand(command: string): { name: string; query: string } {
  const bare = command.split('#', 1)[0] ?? '';
  const at = bare.indexOf('?');
  const name = at < 0 ? bare : bare.slice(0, at);
  return { name: name.toLowerCase(), query: at < 0 ? '' : bare.slice(at + 1) };
}

async function underCommandFaults(effects: FaultEffect[], run: () => Promise<Executed>): Promise<CommandResult> {
  for (const effect of effects) {
    if ('delayMs' in effect) await wait(effect.delayMs);
    else return struck(effect, run);
  }
  return run();
}

/** A broken connection breaks for the whole batch; the commands behind it never run. */
async function struck(effect: FaultEffect, run: () => Promise<Executed>): Promise<CommandResult> {
  if ('code' in effect) return { status: effect.status, body: faultBody(effect) };
  if ('result' in effect) return { status: 200, body: { result: effect.result } };
  if ('noEntry' in effect) return 'no entry';
  if ('happensButNoAnswer' in effect || ('reset' in effect && effect.reset === 'after')) await run();
  return 'cut';
}

function refused(status: number, error: string, text: string): Executed {
  return { status, body: { error, error_description: text } };
}

/** A body with `error` goes whole into the errors; a failed register appears in both maps (contract imconnector §1.3). */
function keep(soFar: BatchSoFar, key: string, body: Params): void {
  if ('result' in body) soFar.result.set(key, body.result);
  if (body.error !== undefined) {
    soFar.error.set(key, body);
    return;
  }
  for (const kind of ['total', 'next', 'time'] as const) if (body[kind] !== undefined) soFar[kind].set(key, body[kind]);
}

function answerOf(soFar: BatchSoFar): Params {
  return {
    result: phpArray([...soFar.result]),
    result_error: phpArray([...soFar.error]),
    result_total: phpArray([...soFar.total]),
    result_next: phpArray([...soFar.next]),
    result_time: phpArray([...soFar.time]),
  };
}
