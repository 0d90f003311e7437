import type { Hit, Portal, RaisedEvent } from '../hit.ts';
import { handlersOf } from './bindings.ts';
import type { EventSender, OutgoingEvent } from './sender.ts';

/** Opens a hit; `end` hands its events over to the sender. */
export function createHit(
  portal: Portal,
  sender: EventSender,
  userId: number | null,
  hopsLeft = 7,
): { hit: Hit; end: () => void } {
  const raised = new Map<string, OutgoingEvent>();
  const hit: Hit = {
    portal,
    userId,
    hopsLeft,
    raise(event) {
      // A chain of events and calls with their tokens dies silently in the end (contract platform §5.3).
      if (hopsLeft <= 0) return;
      for (const outgoing of addressed(portal, event, event.userId === undefined ? userId : event.userId, hopsLeft)) {
        raised.set(JSON.stringify(outgoing), outgoing);
      }
    },
  };
  return { hit, end: () => sender.send([...raised.values()]) };
}

function addressed(portal: Portal, event: RaisedEvent, userId: number | null, hopsLeft: number): OutgoingEvent[] {
  const { name, data, clientId, handlerUrl } = event;
  const base = { event: name, data, hopsLeft: hopsLeft - 1 };
  if (handlerUrl !== undefined && clientId !== undefined) {
    return [{ ...base, clientId, url: handlerUrl, handlerId: 0, userId }];
  }
  const handlers = handlersOf(portal, name, clientId).filter(({ handler }) => handler !== event.exceptUrl);
  return handlers.map((handler) => ({
    ...base,
    clientId: handler.clientId,
    url: handler.handler,
    handlerId: handler.id,
    userId: handler.authType > 0 && userId !== null ? handler.authType : userId,
  }));
}
