import type { OperatorMessage } from '../openlines/operator.ts';
import { isArray, isEmpty, toInt, toText, type Params } from '../php/values.ts';
import { control, type ControlRoutes } from './context.ts';

/** Who answers when nobody is named: the first of the seeded line's queue. */
const OPERATOR_ID = 27;

export const dialogRoutes: ControlRoutes = (router, { portal }) => {
  router.post(
    '/dialogs/:chatId/operator-message',
    control(({ path, body }) => portal().operatorMessage(toInt(path.chatId), userOf(body), messageOf(body))),
  );
  router.post(
    '/dialogs/:chatId/automatic-message',
    control(({ path, body }) => portal().automaticMessage(toInt(path.chatId), toText(body.text))),
  );
  router.post(
    '/dialogs/:chatId/close',
    control(({ path, body }) => {
      const userId = isEmpty(body.userId) ? null : toInt(body.userId);
      return { closed: portal().closeDialog(toInt(path.chatId), { userId, atOnce: !isEmpty(body.atOnce) }) };
    }),
  );
  router.post(
    '/dialogs/:chatId/rename',
    control(({ path, body }) => ({ renamed: portal().renameDialog(toInt(path.chatId), toText(body.title)) })),
  );
  router.post(
    '/dialogs/:chatId/ask-vote',
    control(({ path }) => ({ asked: portal().askForVote(toInt(path.chatId)) })),
  );
  router.post(
    '/messages/:id/edit',
    control(({ path, body }) => portal().editMessage(toInt(path.id), userOf(body), toText(body.text))),
  );
  router.post(
    '/messages/:id/delete',
    control(({ path, body }) => portal().deleteMessage(toInt(path.id), userOf(body))),
  );
};

function userOf(body: Params): number {
  return isEmpty(body.userId) ? OPERATOR_ID : toInt(body.userId);
}

function messageOf(body: Params): OperatorMessage {
  const files = isArray(body.files) ? Object.values(body.files).filter(isArray) : [];
  return {
    text: toText(body.text),
    hidden: !isEmpty(body.hidden),
    files: files.map((file) => ({
      name: toText(file.name),
      url: toText(file.url),
      ...(isEmpty(file.mime) ? {} : { mime: toText(file.mime) }),
      ...(isEmpty(file.size) ? {} : { size: toInt(file.size) }),
    })),
  };
}
