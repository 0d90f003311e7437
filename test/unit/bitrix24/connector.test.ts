import {
  activate,
  bindEvent,
  connectorStatus,
  listBoundEvents,
  registerConnector,
  sendMessage,
  setChatName,
  setConnectorData,
  unbindEvent,
  unregisterConnector,
} from '../../../src/bitrix24/connector.ts';
import { confirmDelivery, deleteMessage, updateMessage } from '../../../src/bitrix24/connectorMessages.ts';
import { refused, scriptedCall } from './scriptedCall.ts';

const line = { connector: 'Acme_Chat', line: '107' };
const definition = {
  code: 'Acme_Chat',
  name: 'Acme',
  iconSvgDataUri: 'data:image/svg+xml;base64,PHN2Zy8+',
  chatGroup: true,
  placementHandler: 'https://gw.example/settings',
};

describe('registering', () => {
  test('sends the code in lower case', async () => {
    const { call, calls } = scriptedCall({ 'imconnector.register': { result: true } });
    await registerConnector(call, definition);
    expect(calls[0]).toMatchObject({
      repeatable: true,
      params: { ID: 'acme_chat', NAME: 'Acme', CHAT_GROUP: true, PLACEMENT_HANDLER: 'https://gw.example/settings' },
    });
  });

  test('a failure nested in a success is a failure', async () => {
    const failure = { result: false, error: 'ICON_REQUIRED', error_description: 'no icon' };
    const { call } = scriptedCall({ 'imconnector.register': failure, 'imconnector.unregister': failure });
    const rejection = { verdict: 'refused', code: 'ICON_REQUIRED' };
    await expect(registerConnector(call, definition)).rejects.toMatchObject(rejection);
    await expect(unregisterConnector(call, 'X')).rejects.toMatchObject(rejection);
  });

  test('a failure at the top of the answer is passed on', async () => {
    const { call } = scriptedCall({ 'imconnector.register': refused('NAME_REQUIRED') });
    await expect(registerConnector(call, definition)).rejects.toMatchObject({ code: 'NAME_REQUIRED' });
  });
});

test('activating sends 1 or 0, because "N" and false texts would activate', async () => {
  const { call, calls } = scriptedCall({ 'imconnector.activate': true });
  await activate(call, { ...line, active: true });
  await activate(call, { ...line, active: false });
  expect(calls.map(({ params }) => params)).toEqual([
    { CONNECTOR: 'acme_chat', LINE: '107', ACTIVE: 1 },
    { CONNECTOR: 'acme_chat', LINE: '107', ACTIVE: 0 },
  ]);
});

test('status and data of a line', async () => {
  const { call, calls } = scriptedCall({
    'imconnector.status': { LINE: 107, CONNECTOR: 'acme_chat', ERROR: false, CONFIGURED: true, STATUS: true },
    'imconnector.connector.data.set': true,
  });
  expect(await connectorStatus(call, line)).toEqual({ error: false, configured: true, usable: true });
  await setConnectorData(call, { ...line, data: { name: 'Acme', url: 'https://acme.example' } });
  expect(calls[1]?.params).toMatchObject({ DATA: { NAME: 'Acme', URL: 'https://acme.example' } });
});

describe('sending a message', () => {
  const message = { id: 'm-1', date: 1_760_000_000, text: 'Hello' };
  const target = { ...line, user: { id: 'u-1', name: 'Ann', lastName: 'Lee' }, chat: { id: 'c-1' } };
  const answer = (item: object) => ({ 'imconnector.send.messages': { SUCCESS: true, DATA: { RESULT: [item] } } });

  test('is not repeatable and answers the ids of the portal', async () => {
    const { call, calls } = scriptedCall(answer({ user: 585, SUCCESS: true, session: { ID: '323', CHAT_ID: 1767 } }));
    expect(await sendMessage(call, { ...target, message })).toEqual({
      bitrixUserId: '585',
      chatId: '1767',
      sessionId: '323',
      files: 0,
    });
    expect(calls[0]?.repeatable).toBe(false);
    expect(JSON.parse(JSON.stringify(calls[0]?.params))).toEqual({
      CONNECTOR: 'acme_chat',
      LINE: '107',
      MESSAGES: [
        {
          user: { id: 'u-1', name: 'Ann', last_name: 'Lee' },
          message: { id: 'm-1', date: 1_760_000_000, text: 'Hello' },
          chat: { id: 'c-1' },
        },
      ],
    });
  });

  test('the whole profile, files and flags', async () => {
    const { call, calls } = scriptedCall(answer({ user: 1, SUCCESS: true, session: { ID: 1, CHAT_ID: 2 } }));
    await sendMessage(call, {
      ...target,
      user: { id: 'u', pictureUrl: 'https://p/1.png', phone: '+1', skipPhoneValidate: true, gender: 'female' },
      message: { ...message, files: [{ url: 'https://f/1', name: '1.pdf' }], system: true, disableCrm: true },
    });
    expect(JSON.parse(JSON.stringify(calls[0]?.params.MESSAGES))).toEqual([
      {
        user: { id: 'u', picture: { url: 'https://p/1.png' }, phone: '+1', skip_phone_validate: 'Y', gender: 'female' },
        message: { ...message, files: [{ url: 'https://f/1', name: '1.pdf' }], user_id: 0, disable_crm: 'Y' },
        chat: { id: 'c-1' },
      },
    ]);
  });

  test.each<[string, unknown, string, string]>([
    ['an item that failed', { SUCCESS: false, ERRORS: ['Incomplete data'] }, 'refused', 'item_rejected'],
    ['an item in no dialog', { SUCCESS: true, user: 1 }, 'unsure', 'no_session'],
    ['an item with an empty session', { SUCCESS: true, user: 1, session: [] }, 'unsure', 'no_session'],
  ])('%s', async (_name, item, verdict, code) => {
    const { call } = scriptedCall(answer(item as object));
    await expect(sendMessage(call, { ...target, message })).rejects.toMatchObject({ verdict, code });
  });

  test('an answer without items tells nothing', async () => {
    const { call } = scriptedCall({ 'imconnector.send.messages': { SUCCESS: true, DATA: [] } });
    await expect(sendMessage(call, { ...target, message })).rejects.toMatchObject({ verdict: 'unsure' });
  });

  test('edits and deletions carry the whole person and are repeatable', async () => {
    const ok = { SUCCESS: true, DATA: { RESULT: [{ SUCCESS: true }] } };
    const { call, calls } = scriptedCall({ 'imconnector.update.messages': ok, 'imconnector.delete.messages': ok });
    await updateMessage(call, { ...target, message });
    await deleteMessage(call, { ...target, messageId: 'm-1' });
    expect(calls.map(({ repeatable }) => repeatable)).toEqual([true, true]);
    const user = { id: 'u-1', name: 'Ann', last_name: 'Lee' };
    expect(JSON.parse(JSON.stringify(calls[1]?.params.MESSAGES))).toEqual([
      { user, message: { id: 'm-1' }, chat: { id: 'c-1' } },
    ]);
  });
});

test('a delivery is confirmed with all external ids', async () => {
  const { call, calls } = scriptedCall({ 'imconnector.send.status.delivery': { SUCCESS: true, DATA: [] } });
  await confirmDelivery(call, {
    ...line,
    chatId: '1807',
    messageId: '86497',
    externalIds: ['e1', 'e2'],
    externalChatId: 'c-1',
    date: 5,
  });
  expect(calls[0]).toMatchObject({
    repeatable: true,
    params: {
      MESSAGES: [
        { im: { chat_id: '1807', message_id: '86497' }, message: { id: ['e1', 'e2'], date: 5 }, chat: { id: 'c-1' } },
      ],
    },
  });
});

describe('naming a dialog', () => {
  test('names the person only where one is given', async () => {
    const { call, calls } = scriptedCall({ 'imconnector.chat.name.set': { SUCCESS: true, DATA: { RESULT: {} } } });
    await setChatName(call, { ...line, chatId: 'c-1', name: 'Support' });
    await setChatName(call, { ...line, chatId: 'c-1', name: 'Support', userId: 'u-1' });
    expect(calls.map(({ params, repeatable }) => [params, repeatable])).toEqual([
      [{ CONNECTOR: 'acme_chat', LINE: '107', CHAT_ID: 'c-1', NAME: 'Support' }, true],
      [{ CONNECTOR: 'acme_chat', LINE: '107', CHAT_ID: 'c-1', NAME: 'Support', USER_ID: 'u-1' }, true],
    ]);
  });

  test('the refusal keeps its code, a success without SUCCESS is none', async () => {
    const failing = scriptedCall({ 'imconnector.chat.name.set': refused('CHAT_RENAMING_FAILED') });
    const rename = { ...line, chatId: 'c-1', name: 'Support' };
    await expect(setChatName(failing.call, rename)).rejects.toMatchObject({
      verdict: 'refused',
      code: 'CHAT_RENAMING_FAILED',
    });
    const silent = scriptedCall({ 'imconnector.chat.name.set': { SUCCESS: false } });
    await expect(setChatName(silent.call, rename)).rejects.toMatchObject({ verdict: 'refused', code: 'not_done' });
  });
});

describe('binding an event', () => {
  const handler = 'https://gw.example/events';
  const bound = [
    { event: 'OnImConnectorMessageAdd', handler, auth_type: 0, offline: 0 },
    { event: 'ONIMCONNECTORMESSAGEADD', connector_id: 'x', offline: 1 },
  ];

  test('once', async () => {
    const { call, calls } = scriptedCall({ 'event.bind': true });
    await bindEvent(call, 'OnImConnectorMessageAdd', handler);
    expect(calls[0]?.params).toEqual({ event: 'OnImConnectorMessageAdd', handler });
  });

  test('again is success, when the list confirms it', async () => {
    const { call } = scriptedCall({ 'event.bind': refused('ERROR_CORE'), 'event.get': bound });
    await bindEvent(call, 'OnImConnectorMessageAdd', handler);
  });

  test.each([
    ['ERROR_CORE for another reason', refused('ERROR_CORE'), [], 'ERROR_CORE'],
    ['another refusal', refused('ERROR_EVENT_NOT_FOUND'), bound, 'ERROR_EVENT_NOT_FOUND'],
    ['false and not in the list', false, [], 'not_bound'],
  ])('%s is a failure', async (_name, answer, list, code) => {
    const { call } = scriptedCall({ 'event.bind': answer, 'event.get': list });
    await expect(bindEvent(call, 'OnImConnectorMessageAdd', handler)).rejects.toMatchObject({
      verdict: 'refused',
      code,
    });
  });

  test('the list has online handlers only; unbinding counts', async () => {
    const { call } = scriptedCall({ 'event.get': bound, 'event.unbind': { count: 1 } });
    expect(await listBoundEvents(call)).toEqual([{ event: 'ONIMCONNECTORMESSAGEADD', handler }]);
    expect(await unbindEvent(call, 'OnImConnectorMessageAdd', handler)).toBe(1);
  });
});
