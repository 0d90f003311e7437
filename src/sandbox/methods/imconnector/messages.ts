import type { Portal } from '../../hit.ts';
import { saveExternalUser } from '../../openlines/externalUsers.ts';
import { changeMessage, messagesByMid } from '../../openlines/messages.ts';
import { completeItem, descriptionOf, findDialog, receiveMessage, type SentItem } from '../../openlines/receive.ts';
import { foldKeysDeep, isArray, isEmpty, isSet, phpTrim, toText, without, type Params } from '../../php/values.ts';
import { refuseArgument } from '../../refusal.ts';
import type { UserRow } from '../../users.ts';
import type { Method, MethodCall } from '../method.ts';
import { CONNECTOR_SCOPES } from '../scopes.ts';
import { requireArray, requireProvider, requireSet, requireUsable } from './arguments.ts';

const common = { scopes: CONNECTOR_SCOPES, applicationOnly: true };

export const messageMethods: readonly Method[] = [
  { name: 'imconnector.send.messages', ...common, run: send },
  { name: 'imconnector.update.messages', ...common, run: (call) => change(call, updateItem) },
  { name: 'imconnector.delete.messages', ...common, run: (call) => change(call, deleteItem) },
];

/** Texts without codes are all the caller gets (contract imconnector §6). */
const INCOMPLETE = { SUCCESS: false, ERRORS: ['Incomplete data'] };

/** `SUCCESS` at the top says nothing about the items (contract imconnector §0.6). */
function answer(items: readonly unknown[]) {
  return { SUCCESS: true, DATA: { RESULT: items } };
}

async function send(call: MethodCall) {
  const params = requireSet(call, ['CONNECTOR', 'LINE', 'MESSAGES']);
  const elements = checkedElements(params.MESSAGES);
  requireProvider(call, params.CONNECTOR);
  requireUsable(call, params.CONNECTOR, params.LINE);
  const results: unknown[] = [];
  for (const element of elements) {
    results.push(await sendItem(call, toText(params.CONNECTOR), toText(params.LINE), element));
  }
  return answer(results);
}

/** One malformed element refuses the whole call before anything is stored (contract imconnector §3.7, checks 5 to 7). */
function checkedElements(messages: unknown): Params[] {
  if (!isArray(messages)) refuseArgument('MESSAGES', 'Argument MESSAGES must be of type array');
  return Object.values(messages).map((element) => {
    if (!isArray(element)) refuseArgument('', 'Elements of MESSAGES must be arrays');
    const folded = foldKeysDeep(element, (key) => key.toLowerCase()) as Params;
    for (const part of ['user', 'message', 'chat']) {
      if (!isSet(folded[part])) refuseArgument('', `Element of MESSAGES has no ${part}`);
    }
    return folded;
  });
}

async function sendItem(call: MethodCall, connector: string, line: string, element: Params) {
  const item = itemOf(element);
  const received = item && (await receiveMessage(call, connector, line, item));
  if (!received) return INCOMPLETE;
  const { client, files, session } = received;
  const flags = {
    ...(item.user.skip_phone_validate === 'Y' ? { skip_phone_validate: 'Y' } : {}),
    ...(item.message.disable_crm === 'Y' ? { disable_tracker: 'Y' } : {}),
  };
  return {
    user: String(client.id),
    // The date is a server object by now, and an object without public fields is {} in JSON.
    message: {
      ...without(item.message, ['date', 'files']),
      ...(isSet(item.message.date) ? { date: {} } : {}),
      files: files.map((file) => String(file.id)),
    },
    chat: chatOf(item),
    ...(isEmpty(flags) ? {} : { extra: flags }),
    SUCCESS: true,
    ...(session ? { session: { ID: String(session.id), CHAT_ID: String(session.chatId) } } : {}),
  };
}

function itemOf(element: Params): SentItem | undefined {
  for (const part of ['user', 'message', 'chat']) requireArray(element[part], part);
  return completeItem(element);
}

function chatOf({ chat }: SentItem): Params {
  const { url, ...rest } = chat;
  return isEmpty(url) ? rest : { ...rest, description: descriptionOf(url) };
}

type ChangeItem = (portal: Portal, connector: string, line: string, item: SentItem, client: UserRow) => boolean;

/** Elements are not checked as a whole here; each one fails for itself (contract imconnector §3.8). */
async function change(call: MethodCall, apply: ChangeItem) {
  const params = requireSet(call, ['CONNECTOR', 'LINE', 'MESSAGES']);
  const elements = Object.values(requireArray(params.MESSAGES, 'MESSAGES'));
  requireProvider(call, params.CONNECTOR);
  requireUsable(call, params.CONNECTOR, params.LINE);
  const connector = toText(params.CONNECTOR);
  const results: unknown[] = [];
  for (const element of elements) {
    const folded = foldKeysDeep(element, (key) => key.toLowerCase());
    const item = isArray(folded) ? completeItem(folded) : undefined;
    if (!item) {
      results.push(INCOMPLETE);
      continue;
    }
    // A thin `user` rewrites the profile to "Guest", even when a message is only deleted (contract imconnector §3.9).
    const client = await saveExternalUser(call.portal, connector, item.user);
    const done = apply(call.portal, connector, toText(params.LINE), item, client);
    results.push(
      done ? { user: String(client.id), message: item.message, chat: chatOf(item), SUCCESS: true } : INCOMPLETE,
    );
  }
  return answer(results);
}

/** Only the text is applied, to every message with that id; not found is a success too (contract imconnector §3.8). */
function updateItem(portal: Portal, connector: string, line: string, item: SentItem, client: UserRow): boolean {
  const text = toText(item.message.text);
  if (text === '' && isEmpty(item.message.files)) return false;
  const deleted = phpTrim(text) === '';
  for (const row of matchesOf(portal, connector, line, item, client)) {
    changeMessage(portal, row, deleted ? { deleted, text: '' } : { text });
  }
  return true;
}

function deleteItem(portal: Portal, connector: string, line: string, item: SentItem, client: UserRow): boolean {
  for (const row of matchesOf(portal, connector, line, item, client)) {
    changeMessage(portal, row, { deleted: true, text: '' });
  }
  return true;
}

function matchesOf(portal: Portal, connector: string, line: string, item: SentItem, client: UserRow) {
  const dialog = findDialog(portal, connector, line, toText(item.chat.id), client.id);
  return dialog ? messagesByMid(portal, dialog.chatId, toText(item.message.id)) : [];
}
