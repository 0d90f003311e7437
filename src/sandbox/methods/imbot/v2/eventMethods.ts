import { isoSeconds } from '../../../clock.ts';
import { refuse } from '../../../refusal.ts';
import type { Method } from '../../method.ts';
import { takeEvents } from '../eventLog.ts';
import { revisionOf } from '../tables.ts';
import { isTrue, optionalInt } from './arguments.ts';
import { botMethod, v2Method, type BotCall } from './botCall.ts';

export const eventMethods: readonly Method[] = [
  botMethod('Event.get', get),
  // Revision 32 already speaks v2 and does not know this method (contract imbot §9.2).
  { ...v2Method('Revision.get', revision), profiles: ['cloud'] },
];

const MAX_EVENTS = 1000;
const EVENTS = 100;

/** `offset` is not a page but a promise: what lies before it is deleted (contract imbot §9.1, §18.20). */
function get({ call, bot, params, revision }: BotCall) {
  const offset = optionalInt(params, 'offset', 0);
  const limit = Math.min(MAX_EVENTS, Math.max(1, optionalInt(params, 'limit', EVENTS)));
  if (isTrue(params.withUserEvents, revision)) refuseUserEvents(call.application?.scopes);
  const events = takeEvents(call.portal, bot, offset, limit).map(({ id, type, at, data }) => ({
    eventId: id,
    type,
    date: isoSeconds(at),
    data,
  }));
  const last = events.at(-1);
  return { events, nextOffset: last ? last.eventId + 1 : offset, hasMore: events.length >= limit };
}

/** The sandbox has no im.v2.Event.subscribe, so nobody ever subscribed. */
function refuseUserEvents(scopes: readonly string[] | undefined): never {
  if (scopes && !scopes.includes('im')) {
    refuse('SCOPE_ERROR', "Scope 'im' is required to fetch user events");
  }
  refuse('USER_NOT_SUBSCRIBED', 'User is not subscribed. Call im.v2.Event.subscribe first');
}

function revision({ portal }: { portal: Parameters<typeof revisionOf>[0] }) {
  return { rest: revisionOf(portal), web: 130, mobile: 23, desktop: 6 };
}
