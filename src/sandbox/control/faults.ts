import type { EventTrouble } from '../events/troubles.ts';
import type { Fault } from '../faults.ts';
import { isArray, toInt, toText, type Params } from '../php/values.ts';
import { refuse } from '../refusal.ts';
import { control, type ControlRoutes } from './context.ts';

export const faultRoutes: ControlRoutes = (router, { portal, oauthFaults }) => {
  router.get(
    '/faults',
    control(() => portal().faults.list()),
  );
  router.post(
    '/faults',
    control(({ body }) => ({ id: portal().faults.add(faultOf(body)) })),
  );
  router.delete(
    '/faults',
    control(() => portal().faults.clear()),
  );
  router.delete(
    '/faults/:id',
    control(({ path }) => portal().faults.remove(toInt(path.id))),
  );
  router.post(
    '/oauth-faults',
    control(({ body }) => ({ id: oauthFaults.add(faultOf(body)) })),
  );
  router.delete(
    '/oauth-faults',
    control(() => oauthFaults.clear()),
  );
  router.post(
    '/event-troubles',
    control(({ body }) => portal().events.troubles.add(troubleOf(body))),
  );
  router.delete(
    '/event-troubles',
    control(() => portal().events.troubles.clear()),
  );
  router.post(
    '/method-costs',
    control(({ body }) => portal().setMethodCost(toText(body.method), Number(body.seconds))),
  );
};

const EFFECTS = ['code', 'html', 'delayMs', 'reset', 'happensButNoAnswer', 'emptyBody', 'result', 'noEntry'];

/** A fault that does nothing would make a test pass for the wrong reason. */
function faultOf(body: Params): Fault {
  const { effect } = body;
  if (!isArray(effect) || !EFFECTS.some((name) => name in effect)) {
    refuse('WRONG_FAULT', `effect needs one of ${EFFECTS.join(', ')}`);
  }
  return body as unknown as Fault;
}

function troubleOf(body: Params): EventTrouble {
  if (!['drop', 'duplicate', 'reorder'].includes(toText(body.effect))) {
    refuse('WRONG_TROUBLE', 'effect is drop, duplicate or reorder');
  }
  return body as unknown as EventTrouble;
}
