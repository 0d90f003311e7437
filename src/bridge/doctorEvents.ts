import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { type BoundEvent, listBoundEvents, testEvent } from '../bitrix24/connector.ts';
import { BOUND_EVENTS } from '../bitrix24/events.ts';
import { type Examine, type Look, notMade, type Ward } from './doctorContext.ts';
import { type Diagnosis, diagnosis, fine, type Judgement, trouble, unknown } from './doctorFinding.ts';
import { bindEvents, EVENTS_PATH } from './setUp.ts';

/** What the portal tells us, where it tells it, and whether that arrives. */

const EVENT_PATIENCE_MS = 8_000;
const LOOK_EVERY_MS = 50;

/** `handler`: where events of ours go. Pure. */
export function judgeBindings(bound: readonly BoundEvent[], handler: string): Judgement {
  const ours = bound.filter((one) => one.handler === handler).map(({ event }) => event);
  const missing = BOUND_EVENTS.filter((event) => !ours.includes(event));
  const others = bound.filter((one) => one.handler !== handler);
  const old = others.filter((one) => one.handler.endsWith(EVENTS_PATH));
  const twice = ours.length - new Set(ours).size;
  const rebind = 'they are bound to PUBLIC_URL, and what is bound to an old one is removed';
  if (missing.length > 0) return trouble('not_bound', `missing: ${missing.join(', ')}${atOld(old)}`, rebind);
  if (old.length > 0)
    return trouble('old_address', `${old.length} events go to another address too${atOld(old)}`, rebind);
  if (twice > 0) return trouble('bound_twice', `${twice} events are bound more than once`, rebind);
  const said = `all ${BOUND_EVENTS.length} are bound to ${handler}`;
  if (others.length === 0) return fine(said);
  return fine(`${said}; ${others.length} more go to ${hosts(others)}, and are not ours to remove`);
}

const hosts = (bindings: readonly BoundEvent[]): string =>
  [...new Set(bindings.map(({ handler }) => (URL.canParse(handler) ? new URL(handler).host : handler)))].join(', ');

const atOld = (old: readonly BoundEvent[]): string => (old.length === 0 ? '' : `; bound to ${hosts(old)}`);

const NEWEST = 'select coalesce(max(id), 0)::text as id from portal_event';

/** Looked for again and again, so only among events that came since. $1 portal, $2 what was sent along, $3 the newest before. */
const ARRIVED = `
select 1 as arrived from portal_event where id > $3::bigint
  and portal_id = $1::uuid and event = 'ONAPPTEST' and payload #>> '{data,QUERY,nonce}' = $2 limit 1`;

/** Whichever process of ours it came to. */
async function arrives(
  { db, portal, signal, eventPatienceMs = EVENT_PATIENCE_MS }: Look,
  { nonce, after }: { nonce: string; after: string },
): Promise<boolean> {
  const deadline = performance.now() + eventPatienceMs;
  while (!signal.aborted && performance.now() < deadline) {
    if ((await db.sql.rows(ARRIVED, portal.id, nonce, after)).length > 0) return true;
    await sleep(LOOK_EVERY_MS);
  }
  return false;
}

/** The portal is asked for an event, which has to come back to us. */
async function examineRoundTrip(look: Look, bound: readonly BoundEvent[], handler: string): Promise<Diagnosis> {
  if (!bound.some((one) => one.event === 'ONAPPTEST' && one.handler === handler)) {
    const judgement = unknown('not_bound', 'the test event is not bound', 'repair the bindings of the events first');
    return diagnosis('publicUrl', null, judgement);
  }
  const { installed, paid } = await look.app();
  if (!installed || !paid) {
    const judgement = unknown('not_installed', 'the portal sends no events to it', 'see the finding `installation`');
    return diagnosis('publicUrl', null, judgement);
  }
  const nonce = randomUUID();
  const startedAt = performance.now();
  const [newest] = await look.db.sql.rows<{ id: string }>(NEWEST);
  await testEvent(look.call, { nonce });
  if (await arrives(look, { nonce, after: newest?.id ?? '0' })) {
    const judgement = fine(`a test event came back within ${Math.ceil(performance.now() - startedAt)} ms`);
    return diagnosis('publicUrl', null, judgement);
  }
  const said = `the portal was asked for a test event, and it did not arrive at ${handler}`;
  const repair = `make PUBLIC_URL an address the portal reaches (DNS, firewall, certificate), and look for portalEvent.refused in the log`;
  return diagnosis('publicUrl', null, trouble('event_lost', said, repair));
}

const examine: Examine = async (look) => {
  const handler = `${look.publicUrl()}${EVENTS_PATH}`;
  const bound = await listBoundEvents(look.call);
  const rebind = async (): Promise<void> => bindEvents(look.call, handler);
  return [
    diagnosis('events', null, judgeBindings(bound, handler), rebind),
    await examineRoundTrip(look, bound, handler).catch((error: unknown) =>
      diagnosis('publicUrl', null, notMade(error)),
    ),
  ];
};

export const eventsWard: Ward = { checks: ['events', 'publicUrl'], examine };
