import { toText } from '../php/values.ts';
import { control, type ControlRoutes } from './context.ts';

export const observationRoutes: ControlRoutes = (router, { portal }) => {
  router.get(
    '/state',
    control(() => portal().state()),
  );
  router.get(
    '/ledger',
    control(({ query }) =>
      portal().ledger.entries({ method: toText(query.method), since: Number(toText(query.since) || 0) }),
    ),
  );
  router.delete(
    '/ledger',
    control(() => portal().ledger.clear()),
  );
  router.get(
    '/events',
    control(() => portal().events.sent()),
  );
};
