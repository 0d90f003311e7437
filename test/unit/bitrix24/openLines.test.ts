import { getDialog, getLine, getSessionHistory, listLines, userCode } from '../../../src/bitrix24/openLines.ts';
import { appInfo, currentUser } from '../../../src/bitrix24/users.ts';
import { refused, scriptedCall } from './scriptedCall.ts';

describe('lines', () => {
  const rows = (from: number, to: number) =>
    Array.from({ length: to - from }, (_, index) => ({ ID: String(from + index), LINE_NAME: 'L', ACTIVE: 'Y' }));

  test('are read page by page', async () => {
    const { call, calls } = scriptedCall({
      'imopenlines.config.list.get': ({ PARAMS }: { PARAMS: { offset: number } }) =>
        PARAMS.offset === 0 ? rows(1, 201) : rows(201, 205),
    });
    expect(await listLines(call)).toHaveLength(204);
    expect(calls).toHaveLength(2);
  });

  test('end on a portal that sends the same page again', async () => {
    const { call, calls } = scriptedCall({ 'imopenlines.config.list.get': rows(1, 201) });
    expect(await listLines(call)).toHaveLength(200);
    expect(calls).toHaveLength(2);
  });

  test('one, or none', async () => {
    const known = scriptedCall({ 'imopenlines.config.get': { ID: '22', LINE_NAME: 'Sales', ACTIVE: 'N' } });
    expect(await getLine(known.call, '22')).toEqual({ id: '22', name: 'Sales', active: false });
    const unknown = scriptedCall({ 'imopenlines.config.get': false });
    expect(await getLine(unknown.call, '23')).toBeUndefined();
  });
});

describe('a dialog', () => {
  const chat = {
    id: 1767,
    name: 'Ann - Sales',
    entity_id: 'acme|107|c-1|585',
    entity_data_1: 'Y|CONTACT|5|N|N|323|1760000000|0',
  };

  test('with its title, key and session', async () => {
    const { call, calls } = scriptedCall({ 'imopenlines.dialog.get': chat });
    const dialog = { chatId: '1767', title: 'Ann - Sales', userCode: 'acme|107|c-1|585', sessionId: '323' };
    expect(await getDialog(call, { chatId: '1767' })).toEqual(dialog);
    expect(await getDialog(call, { userCode: 'acme|107|c-1|585' })).toEqual(dialog);
    expect(calls.map(({ params }) => params)).toEqual([{ CHAT_ID: '1767' }, { USER_CODE: 'acme|107|c-1|585' }]);
  });

  test('without a session', async () => {
    const { call } = scriptedCall({ 'imopenlines.dialog.get': { ...chat, entity_data_1: 'N|NONE|0|N|N|0' } });
    expect(await getDialog(call, { chatId: '1767' })).not.toHaveProperty('sessionId');
  });

  test('none, or none to be seen', async () => {
    const { call } = scriptedCall({ 'imopenlines.dialog.get': refused('ACCESS_ERROR') });
    expect(await getDialog(call, { chatId: '1' })).toBeUndefined();
    const failing = scriptedCall({ 'imopenlines.dialog.get': refused('QUERY_LIMIT_EXCEEDED', { verdict: 'retry' }) });
    await expect(getDialog(failing.call, { chatId: '1' })).rejects.toMatchObject({ verdict: 'retry' });
  });
});

const unmarked = { sending: false, date: '', files: 0 };

describe('the history of a session', () => {
  test('in order of ids, with the external ids in every spelling', async () => {
    const { call } = scriptedCall({
      'imopenlines.session.history.get': {
        message: {
          '1000': { id: 1000, senderid: '585', text: 'c', params: { CONNECTOR_MID: { '0': 'e1', '2': 'e2' } } },
          '99': { id: '99', senderId: 27, text: 'b', params: { connectorMid: ['e0'] } },
          '98': { id: 98, senderId: 0, text: 'a', params: [] },
          '1001': {
            id: 1001,
            senderid: 27,
            text: 'd',
            date: '2026-11-20T10:00:00+00:00',
            params: { SENDING: 'Y', FILE_ID: [7] },
          },
        },
        users: { '27': { id: '27', connector: false }, '585': { id: '585', connector: true } },
      },
    });
    expect(await getSessionHistory(call, { sessionId: '323' })).toEqual({
      sessionId: '323',
      chatId: '',
      messages: [
        { id: '98', senderId: '0', text: 'a', connectorIds: [], ...unmarked },
        { id: '99', senderId: '27', text: 'b', connectorIds: ['e0'], ...unmarked },
        { id: '1000', senderId: '585', text: 'c', connectorIds: ['e1', 'e2'], ...unmarked },
        {
          id: '1001',
          senderId: '27',
          text: 'd',
          connectorIds: [],
          sending: true,
          date: '2026-11-20T10:00:00+00:00',
          files: 1,
        },
      ],
      outsiders: new Set(['585']),
    });
  });

  test('may be empty or out of sight', async () => {
    const empty = scriptedCall({ 'imopenlines.session.history.get': { message: [] } });
    expect(await getSessionHistory(empty.call, { sessionId: '1' })).toEqual({
      sessionId: '1',
      chatId: '',
      messages: [],
      outsiders: new Set(),
    });
    const hidden = scriptedCall({ 'imopenlines.session.history.get': refused('ACCESS_DENIED') });
    expect(await getSessionHistory(hidden.call, { sessionId: '1' })).toBeUndefined();
    const blocked = scriptedCall({
      'imopenlines.session.history.get': refused('ACCESS_DENIED', { verdict: 'blocked' }),
    });
    await expect(getSessionHistory(blocked.call, { sessionId: '1' })).rejects.toMatchObject({ verdict: 'blocked' });
  });
});

test('the key of a dialog', () => {
  expect(userCode({ connector: 'Acme', line: '107', chatId: 'c-1', bitrixUserId: '0' })).toBe('acme|107|c-1|0');
});

test('who calls, and as what', async () => {
  const { call } = scriptedCall({
    profile: { ID: '27', ADMIN: true },
    'app.info': { ID: 1, LICENSE: 'ru_ent', INSTALLED: true, VERSION: 4 },
  });
  expect(await currentUser(call)).toEqual({ id: '27', admin: true });
  expect(await appInfo(call)).toEqual({ license: 'ru_ent', installed: true, paid: true, version: '4' });
});
