import { control, type ControlRequest, type ControlRoutes } from '../../control/context.ts';
import type { Hit } from '../../hit.ts';
import { isEmpty, toInt, toText } from '../../php/values.ts';
import {
  personAdds,
  personDeletesChat,
  personEdits,
  personErases,
  personHandsOver,
  personRemoves,
  personRenames,
  personWrites,
} from './people.ts';
import { intList } from './v2/arguments.ts';
import { setImbotSwitches } from './tables.ts';

/** Who acts when nobody is named: the administrator. */
const ADMIN_ID = 1;

/** `/companions/...`: `userId` of the body is the person who acts. */
export const imbotRoutes: ControlRoutes = (router, { portal }) => {
  const by = (work: (hit: Hit, chatId: number, request: ControlRequest) => unknown) =>
    control((request) => {
      const userId = isEmpty(request.body.userId) ? ADMIN_ID : toInt(request.body.userId);
      return portal().act(userId, (hit) => work(hit, toInt(request.path.id), request));
    });
  router.post(
    '/companions/:id/members',
    by((hit, chatId, { body }) => personAdds(hit, chatId, intList(body.userIds))),
  );
  router.delete(
    '/companions/:id/members/:memberId',
    by((hit, chatId, { path }) => personRemoves(hit, chatId, toInt(path.memberId))),
  );
  router.delete('/companions/:id', by(personDeletesChat));
  router.post(
    '/companions/:id/rename',
    by((hit, chatId, { body }) => personRenames(hit, chatId, toText(body.title))),
  );
  router.post(
    '/companions/:id/owner',
    by((hit, chatId, { body }) => personHandsOver(hit, chatId, toInt(body.ownerId))),
  );
  router.post(
    '/companions/:id/messages',
    by((hit, chatId, { body }) => personWrites(hit, chatId, toText(body.text))),
  );
  router.post(
    '/companion-messages/:id/edit',
    by((hit, messageId, { body }) => personEdits(hit, messageId, toText(body.text))),
  );
  router.post('/companion-messages/:id/delete', by(personErases));
  router.patch(
    '/imbot-switches',
    control(({ body }) => setImbotSwitches(portal().inside, body)),
  );
};
