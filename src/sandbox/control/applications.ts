import type { ApplicationRow } from '../oauth/applications.ts';
import { isArray, isEmpty, toInt, toText, type Params } from '../php/values.ts';
import { refuse } from '../refusal.ts';
import { control, type ControlRoutes } from './context.ts';

export const applicationRoutes: ControlRoutes = (router, { portal }) => {
  router.post(
    '/install',
    control(({ body }) => portal().install(applicationOf(body), userOf(body))),
  );
  router.post(
    '/update',
    control(({ body }) => {
      const change = isArray(body.application) ? (body.application as Partial<ApplicationRow>) : {};
      return portal().update(toText(body.clientId), change, userOf(body));
    }),
  );
  router.post(
    '/uninstall',
    control(({ body }) => portal().uninstall(toText(body.clientId), { clean: !isEmpty(body.clean) })),
  );
  router.post(
    '/set-installed',
    control(({ body }) => ({ installed: portal().setInstalled(toText(body.clientId), userOf(body)) })),
  );
  router.post(
    '/pages/open',
    control(({ body }) =>
      portal().openPage(toText(body.clientId), {
        userId: userOf(body) ?? 1,
        ...(isEmpty(body.placement) ? {} : { placement: toText(body.placement) }),
        ...(isEmpty(body.url) ? {} : { url: toText(body.url) }),
        ...(isArray(body.options) ? { options: body.options } : {}),
      }),
    ),
  );
  router.post(
    '/grants/:userId/revoke',
    control(({ path, body }) =>
      portal().revokeGrant(toText(body.clientId), toInt(path.userId), body.how === 'access' ? 'access' : 'tokens'),
    ),
  );
};

/** A whole card, or the id of an application known already. */
function applicationOf(body: Params): ApplicationRow | string {
  if (!isArray(body.application)) return toText(body.clientId);
  const missing = ['clientId', 'clientSecret', 'kind', 'scopes', 'version', 'status'].find(
    (name) => !isArray(body.application) || body.application[name] === undefined,
  );
  if (missing !== undefined) refuse('WRONG_APPLICATION', `application.${missing} is missing`);
  const texts = { title: 'Application', pageUrl: '', eventsUrl: '', connectorUrl: '' };
  return { ...texts, ...body.application } as unknown as ApplicationRow;
}

function userOf(body: Params): number | undefined {
  return isEmpty(body.userId) ? undefined : toInt(body.userId);
}
