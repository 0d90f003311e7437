import { isArray, isEmpty, toInt, toText } from '../php/values.ts';
import type { UserRow } from '../users.ts';
import { control, type ControlRoutes } from './context.ts';

export const portalRoutes: ControlRoutes = (router, { portal, advance }) => {
  router.post(
    '/clock/advance',
    control(({ body }) => {
      advance(Number(body.ms));
      return { now: portal().inside.clock.now() };
    }),
  );
  router.post(
    '/portal/move',
    control(async () => ({ url: await portal().move() })),
  );
  router.post(
    '/users',
    control(({ body }) => portal().addUser(body as unknown as Partial<UserRow> & { name: string })),
  );
  router.post(
    '/users/:id/dismiss',
    control(({ path }) => portal().dismissUser(toInt(path.id))),
  );
  router.post(
    '/webhooks',
    control(({ body }) => {
      const scopes = isArray(body.scopes) ? Object.values(body.scopes).map(toText) : [];
      const secret = isEmpty(body.secret) ? undefined : toText(body.secret);
      return { path: portal().addWebhook(toInt(body.userId), scopes, secret) };
    }),
  );
};
