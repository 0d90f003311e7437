import { isArray, isEmpty, toInt, toText, type Params } from '../php/values.ts';
import { control, type ControlRoutes } from './context.ts';

export const lineRoutes: ControlRoutes = (router, { portal }) => {
  router.post(
    '/lines',
    control(({ body }) => portal().addLine(settingsOf(body), queueOf(body))),
  );
  router.patch(
    '/lines/:id',
    control(({ path, body }) => portal().changeLine(toInt(path.id), settingsOf(body))),
  );
  router.delete(
    '/lines/:id',
    control(({ path }) => ({ deleted: portal().deleteLine(toInt(path.id)) })),
  );
  router.post(
    '/connectors/:code/lines/:line/disable',
    control(({ path }) => portal().disableConnector(toText(path.code), toInt(path.line))),
  );
  router.post(
    '/connectors/:code/lines/:line/settings',
    control(({ path, body }) => {
      const userId = isEmpty(body.userId) ? undefined : toInt(body.userId);
      return portal().openConnectorSettings(toText(path.code), toInt(path.line), userId);
    }),
  );
};

/** `name` is a shorter word for LINE_NAME. */
function settingsOf({ name, settings }: Params): Record<string, string> {
  const sent = isArray(settings) ? Object.entries(settings).map(([key, value]) => [key, toText(value)]) : [];
  return {
    ...(isEmpty(name) ? {} : { LINE_NAME: toText(name) }),
    ...(Object.fromEntries(sent) as Record<string, string>),
  };
}

function queueOf({ queue }: Params): number[] | undefined {
  return isArray(queue) ? Object.values(queue).map(toInt) : undefined;
}
