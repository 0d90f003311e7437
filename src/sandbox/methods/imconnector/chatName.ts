import { isGroupConnector } from '../../openlines/connectors.ts';
import { dialogByCode } from '../../openlines/dialogs.ts';
import { externalUser } from '../../openlines/externalUsers.ts';
import { lineOf, openSession } from '../../openlines/sessions.ts';
import { renameDialog } from '../../openlines/titles.ts';
import { formatUserCode } from '../../openlines/userCode.ts';
import { isEmpty, toText } from '../../php/values.ts';
import { refuse, refuseArgument } from '../../refusal.ts';
import type { Method, MethodCall } from '../method.ts';
import { CONNECTOR_SCOPES } from '../scopes.ts';
import { requireFilled, requireProvider, requireUsable } from './arguments.ts';

export const chatNameMethods: readonly Method[] = [
  { name: 'imconnector.chat.name.set', scopes: CONNECTOR_SCOPES, applicationOnly: true, run: setName },
];

/** The object is serialised without its fields (contract imconnector §3.13). */
const DONE = { SUCCESS: true, DATA: { RESULT: {} } };

/** The decision table of contract imconnector §3.13, in its order. */
function setName(call: MethodCall) {
  const { portal } = call;
  const params = requireFilled(call, ['CONNECTOR', 'LINE', 'CHAT_ID', 'NAME']);
  const connector = toText(params.CONNECTOR);
  const group = isGroupConnector(portal, connector);
  if (!group && isEmpty(params.USER_ID)) refuseArgument('USER_ID');
  requireProvider(call, connector);
  requireUsable(call, connector, params.LINE);
  const client = group ? undefined : externalUser(portal, connector, toText(params.USER_ID));
  // Nobody of that id: the portal does nothing and calls it a success (row 9).
  if (!group && !client) return DONE;
  const code = { connector, line: toText(params.LINE), chatId: toText(params.CHAT_ID), userId: client?.id ?? 0 };
  const dialog = dialogByCode(portal, formatUserCode(code));
  const renamed =
    dialog &&
    lineOf(portal, dialog) &&
    openSession(portal, dialog) &&
    renameDialog(portal, dialog, toText(params.NAME));
  if (!renamed) refuse('CHAT_RENAMING_FAILED', 'Chat renaming failed');
  return DONE;
}
