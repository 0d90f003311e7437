import { runBatch } from '../../../src/bitrix24/batch.ts';
import { readDialogs, readMessageChanges, readOperatorMessages } from '../../../src/bitrix24/connectorEvents.ts';
import { confirmDelivery } from '../../../src/bitrix24/connectorMessages.ts';
import {
  activate,
  bindEvent,
  connectorStatus,
  listBoundEvents,
  registerConnector,
  sendMessage,
  setChatName,
  unregisterConnector,
} from '../../../src/bitrix24/connector.ts';
import { readEvent } from '../../../src/bitrix24/events.ts';
import { readFrame, verifyInstall } from '../../../src/bitrix24/installation.ts';
import { parseForm } from '../../../src/bitrix24/form.ts';
import { getDialog, getLine, getSessionHistory, listLines } from '../../../src/bitrix24/openLines.ts';
import { appInfo, currentUser } from '../../../src/bitrix24/users.ts';
import { connectSandbox, type Connected } from './sandboxPortal.ts';

let connected: Connected;
beforeEach(async () => {
  connected = await connectSandbox();
});
afterEach(() => connected.close());

const line = { connector: 'acme_chat', line: '1' };
const person = { user: { id: 'ann', name: 'Ann', lastName: 'Lee' }, chat: { id: 'c-1' } };
const hello = { id: 'm-1', date: 1_760_000_000, text: 'Hello' };

/** Everything up to a first message in an open dialog. */
async function open({ call }: Connected) {
  await registerConnector(call, {
    code: 'acme_chat',
    name: 'Acme',
    iconSvgDataUri: 'data:image/svg+xml,<svg/>',
    chatGroup: false,
    placementHandler: 'http://127.0.0.1:9/settings',
  });
  await activate(call, { ...line, active: true });
  return sendMessage(call, { ...line, ...person, message: hello });
}

test('installed by the genuine event; a page of the portal is genuine too, with a foreign member id it is not', async () => {
  const { install, portal, clientId, oauth, sandbox, call } = connected;
  expect(install).toMatchObject({ memberId: portal.memberId, domain: portal.domain, clientEndpoint: portal.restUrl });
  const { action, fields } = portal.openPage(clientId, { userId: 27, placement: 'SETTING_CONNECTOR' });
  const query = parseForm(new URL(action).search.slice(1));
  const deps = { oauth, clientId, allowInsecure: true, clock: sandbox.clock };
  const page = await verifyInstall(readFrame(query, fields), deps);
  expect(page).toMatchObject({ memberId: portal.memberId, userId: '27', clientEndpoint: portal.restUrl });
  await expect(verifyInstall(readFrame(query, { ...fields, member_id: 'other' }), deps)).rejects.toMatchObject({
    code: 'unverified_origin',
  });
  expect(await currentUser(call)).toEqual({ id: '1', admin: true });
  expect(await appInfo(call)).toMatchObject({ installed: true });
});

test('a dialog is opened, named, read back and disconnected', async () => {
  const { call } = connected;
  const [first] = await listLines(call);
  expect(first).toMatchObject({ id: '1', active: true });
  expect(await getLine(call, '1')).toEqual(first);
  expect(await getLine(call, '999')).toBeUndefined();
  const { chatId, sessionId, bitrixUserId } = await open(connected);
  expect(await connectorStatus(call, line)).toEqual({ error: false, configured: true, usable: true });

  const rename = { ...line, chatId: 'c-1', userId: 'ann', name: 'Ann of Acme' };
  await setChatName(call, rename);
  const dialog = await getDialog(call, { chatId });
  expect(dialog).toEqual({ chatId, title: 'Ann of Acme', userCode: `acme_chat|1|c-1|${bitrixUserId}`, sessionId });
  expect(await getDialog(call, { userCode: dialog?.userCode ?? '' })).toEqual(dialog);
  expect(await getDialog(call, { chatId: '99999' })).toBeUndefined();
  await expect(setChatName(call, rename)).rejects.toMatchObject({ verdict: 'refused', code: 'CHAT_RENAMING_FAILED' });

  const history = await getSessionHistory(call, { sessionId });
  expect(history?.messages.filter(({ connectorIds }) => connectorIds.includes('m-1'))).toMatchObject([
    { text: 'Hello' },
  ]);
  expect(await getSessionHistory(call, { sessionId: '99999' })).toBeUndefined();

  await activate(call, { ...line, active: false });
  await expect(sendMessage(call, { ...line, ...person, message: hello })).rejects.toMatchObject({
    verdict: 'blocked',
    scope: 'line',
    code: 'NOT_ACTIVE_LINE',
  });
  await unregisterConnector(call, 'acme_chat');
});

test('binding twice is binding once, and what operators do comes back typed', async () => {
  const { call, portal, posted, eventsUrl } = connected;
  for (const event of ['MESSAGEADD', 'MESSAGEUPDATE', 'MESSAGEDELETE', 'DIALOGSTART', 'DIALOGFINISH']) {
    await bindEvent(call, `OnImConnector${event === 'MESSAGEADD' ? 'MessageAdd' : event}`, eventsUrl);
  }
  await bindEvent(call, 'ONIMCONNECTORMESSAGEADD', eventsUrl);
  expect((await listBoundEvents(call)).filter(({ event }) => event === 'ONIMCONNECTORMESSAGEADD')).toHaveLength(1);

  const { chatId } = await open(connected);
  const message = portal.operatorMessage(Number(chatId), 27, { text: 'Hi!' });
  await portal.events.idle();
  const events = (name: string) => posted.map((form) => readEvent(form)).filter(({ event }) => event === name);
  const [start] = events('ONIMCONNECTORDIALOGSTART');
  const [added] = events('ONIMCONNECTORMESSAGEADD');
  if (!start || !added) throw new Error('no events');
  expect(start.applicationToken).toBe(connected.install.applicationToken);
  expect(readDialogs(start)).toMatchObject([{ ...line, externalChatId: 'c-1', closed: false }]);
  const { items } = readOperatorMessages(added);
  expect(items).toMatchObject([{ chatId, messageId: String(message.id), userId: '27', externalChatId: 'c-1' }]);

  await confirmDelivery(call, {
    ...line,
    chatId,
    messageId: String(message.id),
    externalIds: ['e-1'],
    externalChatId: 'c-1',
    date: 1_760_000_000,
  });
  portal.editMessage(message.id, 27, 'Hi there!');
  portal.deleteMessage(message.id, 27);
  await portal.events.idle();
  const changes = [...events('ONIMCONNECTORMESSAGEUPDATE'), ...events('ONIMCONNECTORMESSAGEDELETE')];
  expect(changes.flatMap((event) => readMessageChanges(event).items)).toMatchObject([
    { messageId: String(message.id), externalIds: ['e-1'] },
    { messageId: String(message.id), externalIds: ['e-1'] },
  ]);
});

describe('tokens', () => {
  test('an expired one is renewed once for all, when a call needs it', async () => {
    const { call, sandbox } = connected;
    const before = connected.grant().accessToken;
    sandbox.advance(3_700_000);
    expect(connected.grant().accessToken).toBe(before);
    await Promise.all(Array.from({ length: 20 }, () => currentUser(call)));
    expect(connected.grant().accessToken).not.toBe(before);
    // Strict rotation: a second refresh with the same token would have killed the grant.
    expect(await currentUser(call)).toEqual({ id: '1', admin: true });
  });

  test('one the portal rejects early is renewed and the call repeated', async () => {
    const { call, portal } = connected;
    const before = connected.grant().accessToken;
    portal.faults.add({ match: { method: 'profile', times: 1 }, effect: { status: 401, code: 'expired_token' } });
    expect(await currentUser(call)).toEqual({ id: '1', admin: true });
    expect(connected.grant().accessToken).not.toBe(before);
  });

  test('an uninstalled application is blocked', async () => {
    const { call, portal, clientId } = connected;
    portal.uninstall(clientId);
    await expect(currentUser(call)).rejects.toMatchObject({ verdict: 'blocked' });
  });
});

test('a portal that moved is found, with its new address told', async () => {
  const { call, portal, moves } = connected;
  await portal.move();
  expect(await currentUser(call)).toEqual({ id: '1', admin: true });
  expect(moves).toEqual([portal.restUrl]);
});

test('a message that arrived without an answer is unsure, and found in the history', async () => {
  const { call, portal } = connected;
  const { sessionId } = await open(connected);
  portal.faults.add({ match: { method: 'imconnector.send.messages', times: 1 }, effect: { reset: 'after' } });
  const lost = { ...line, ...person, message: { ...hello, id: 'm-2', text: 'Still there?' } };
  await expect(sendMessage(call, lost)).rejects.toMatchObject({ verdict: 'unsure', code: 'network' });
  const history = await getSessionHistory(call, { sessionId });
  expect(history?.messages.flatMap(({ connectorIds }) => connectorIds)).toEqual(['m-1', 'm-2']);
});

test('a batch renames many, tells each outcome, and takes no reference for one', async () => {
  const { call, sandbox } = connected;
  await open(connected);
  const message = { ...hello, id: 'm-2' };
  const bob = await sendMessage(call, { ...line, user: { id: 'bob', name: 'Bob' }, chat: { id: 'c-2' }, message });
  const rename = (chat: string, user: string, NAME: string) => ({
    method: 'imconnector.chat.name.set',
    params: { CONNECTOR: 'acme_chat', LINE: '1', CHAT_ID: chat, USER_ID: user, NAME },
    repeatable: true,
  });
  const commands = [rename('c-1', 'ann', 'A&B #1 +ü'), rename('c-9', 'ann', 'x'), rename('c-2', 'bob', '$result[c0]')];
  expect(await runBatch(call, commands, sandbox)).toMatchObject([
    { ok: true, result: { SUCCESS: true } },
    { ok: false, failure: { verdict: 'refused', code: 'CHAT_RENAMING_FAILED' } },
    { ok: true, result: { SUCCESS: true } },
  ]);
  expect((await getDialog(call, { chatId: bob.chatId }))?.title).toBe('$result[c0]');
  expect(connected.portal.state().dialogs.map(({ title }) => title)).toContain('A&B #1 +ü');
});
