import {
  chatOf,
  connect,
  CONNECTOR,
  dialogOf,
  item,
  openScene,
  send,
  visitor,
  type Body,
  type Scene,
} from './scene.ts';

let scene: Scene;
beforeEach(async () => {
  scene = await openScene();
});
afterEach(() => scene.close());

/** A call of another employee, through the page of the application. */
async function callAs(userId: number, method: string, params: object) {
  const auth = scene.portal.openPage(scene.application.clientId, { userId }).fields.AUTH_ID;
  return visitor.post<Body>(`${scene.portal.restUrl}${method}`, { ...params, auth });
}

describe('lines', () => {
  it('are told with texts for numbers, or false', async () => {
    expect(await scene.result('imopenlines.config.get', { CONFIG_ID: '1' })).toMatchObject({
      ID: '1',
      ACTIVE: 'Y',
      LINE_NAME: 'Open Channel',
      QUEUE: ['27'],
      FULL_CLOSE_TIME: '0',
      DATE_CREATE: {},
    });
    expect(await scene.result('imopenlines.config.get', { CONFIG_ID: 1, WITH_QUEUE: 'N' })).not.toHaveProperty('QUEUE');
    expect(await scene.result('imopenlines.config.get', { CONFIG_ID: 9 })).toBe(false);
  });

  it('parameter names count by case', async () => {
    expect((await scene.call('imopenlines.config.get', { config_id: 1 })).data.error).toBe('CONFIG_ID_EMPTY');
  });

  it('are added, changed and deleted', async () => {
    const id = await scene.result<number>('imopenlines.config.add', {
      PARAMS: { LINE_NAME: 'Sales', QUEUE: [{ ENTITY_TYPE: 'user', ENTITY_ID: 29 }] },
    });
    expect(await scene.result('imopenlines.config.update', { CONFIG_ID: id, PARAMS: { CRM: 'Y' } })).toBe(true);
    expect(await scene.result('imopenlines.config.get', { CONFIG_ID: id })).toMatchObject({
      LINE_NAME: 'Sales',
      CRM: 'Y',
      QUEUE: ['29'],
    });
    const refused = await callAs(7, 'imopenlines.config.update', { CONFIG_ID: id, PARAMS: {} });
    expect([refused.status, refused.data.error]).toEqual([403, 'CONFIG_WRONG_USER_PERMISSION']);
    expect(await scene.result('imopenlines.config.delete', { CONFIG_ID: id })).toBe(true);
    expect(await scene.result('imopenlines.config.delete', { CONFIG_ID: id })).toBe(false);
  });

  it('a temporary line is gone after eight hours', async () => {
    await scene.result('imopenlines.config.add', { PARAMS: { TEMPORARY: 'Y' } });
    scene.sandbox.advance(8 * 3600_000);
    expect(scene.portal.state().lines).toHaveLength(1);
  });

  it('are listed by select, filter, order and pages', async () => {
    for (const name of ['B', 'A']) await scene.result('imopenlines.config.add', { PARAMS: { LINE_NAME: name } });
    const list = (PARAMS: object) => scene.result('imopenlines.config.list.get', { PARAMS });
    expect(await list({ select: ['ID', 'LINE_NAME'], order: { LINE_NAME: 'DESC' }, limit: 2 })).toEqual([
      { ID: '1', LINE_NAME: 'Open Channel' },
      { ID: '2', LINE_NAME: 'B' },
    ]);
    expect(await list({ select: ['ID'], filter: { LINE_NAME: ['A', 'B'] }, offset: 1 })).toEqual([{ ID: '3' }]);
  });

  it.each([{ where: {} }, { select: 'ID' }, { select: ['NOPE'] }, { limit: 'many' }])(
    'a list with %o is refused',
    async (PARAMS) => {
      const { status, data } = await scene.call('imopenlines.config.list.get', { PARAMS });
      expect([status, data.error]).toEqual([400, 'INVALID_FORMAT']);
    },
  );

  it('path and revision', async () => {
    expect(await scene.result('imopenlines.config.path.get')).toEqual({
      SERVER_ADDRESS: scene.portal.url,
      PUBLIC_PATH: '/contact_center/',
    });
    expect(await scene.result('imopenlines.revision.get')).toEqual({ rest: 2, web: 1, mobile: 1 });
  });
});

describe('dialogs', () => {
  let chatId: number;
  beforeEach(async () => {
    await connect(scene);
    chatId = await chatOf(scene, item('Hello'));
  });

  it.each([
    () => ({ CHAT_ID: chatId }),
    () => ({ dialog_id: `chat${chatId}` }),
    () => ({ SESSION_ID: dialogOf(scene).sessionId }),
    () => ({ USER_CODE: `imol|${dialogOf(scene).userCode}` }),
  ])('are found by any of the four keys: %#', async (params) => {
    const { userCode, sessionId } = dialogOf(scene);
    const dialog = await scene.result<{ entity_data_1: string }>('imopenlines.dialog.get', params());
    expect(dialog).toMatchObject({
      id: chatId,
      name: 'Ann Lee - Open Channel',
      entity_id: userCode,
      dialog_id: `chat${chatId}`,
    });
    expect(dialog.entity_data_1.split('|')[5]).toBe(String(sessionId));
  });

  it('are hidden from those who have no part in them', async () => {
    expect((await callAs(27, 'imopenlines.dialog.get', { CHAT_ID: chatId })).status).toBe(200);
    const refused = await callAs(7, 'imopenlines.dialog.get', { CHAT_ID: chatId });
    expect([refused.status, refused.data.error]).toEqual([400, 'ACCESS_ERROR']);
    expect((await scene.call('imopenlines.dialog.get', { CHAT_ID: 1 })).data.error).toBe('ACCESS_ERROR');
  });

  it('session.open loads and never makes', async () => {
    const { userCode } = dialogOf(scene);
    expect(await scene.result('imopenlines.session.open', { USER_CODE: userCode })).toEqual({ chatId: String(chatId) });
    expect((await scene.call('imopenlines.session.open', { USER_CODE: `${CONNECTOR}|1|new|1` })).data.error).toBe(
      'ACCESS_DENIED',
    );
  });

  it('are finished from outside and started anew', async () => {
    expect(await scene.result('imopenlines.operator.another.finish', { CHAT_ID: chatId })).toBe(true);
    expect(dialogOf(scene).sessionOpen).toBe(false);
    expect(await scene.result('imopenlines.session.start', { CHAT_ID: chatId })).toBe(true);
    expect(dialogOf(scene)).toMatchObject({ sessionOpen: true, ownerId: 1 });
    const start = async (userId: number, params: object) =>
      (await callAs(userId, 'imopenlines.session.start', params)).data.error;
    expect(await start(1, {})).toBe('CHAT_ID');
    expect(await start(1, { CHAT_ID: 5 })).toBe('CHAT_TYPE');
    expect(await start(7, { CHAT_ID: chatId })).toBe('ACCESS_DENIED');
  });

  describe('history', () => {
    const history = (params: object) => scene.call('imopenlines.session.history.get', params);

    it('tells messages by id, with external ids where there are some', async () => {
      const reply = scene.portal.operatorMessage(chatId, 27, { text: 'Hi' });
      const { sessionId, messages } = dialogOf(scene);
      const { data } = await history({ SESSION_ID: sessionId });
      const first = messages[0];
      expect(data.result).toMatchObject({
        chatId: String(chatId),
        sessionId: String(sessionId),
        message: {
          [String(first?.id)]: {
            id: String(first?.id),
            chatid: String(chatId),
            senderid: String(first?.authorId),
            recipientid: `chat${chatId}`,
            text: 'Hello',
            textlegacy: 'Hello',
            params: { connectorMid: ['m-Hello'] },
          },
          // On its way to the client: nobody has confirmed it yet (contract imconnector §3.10).
          [String(reply.id)]: { senderid: '27', params: { sending: 'Y' } },
        },
        usersMessage: { [chatId]: [String(reply.id), String(first?.id)] },
        users: { 27: { name: 'Clara Lindt' } },
        chat: { [chatId]: { name: 'Ann Lee - Open Channel' } },
      });
    });

    it('by chat needs a part in it, by session nothing', async () => {
      expect((await history({ CHAT_ID: chatId })).data.error).toBe('ACCESS_DENIED');
      expect((await callAs(27, 'imopenlines.session.history.get', { CHAT_ID: chatId })).status).toBe(200);
      expect(
        (await callAs(7, 'imopenlines.session.history.get', { SESSION_ID: dialogOf(scene).sessionId })).status,
      ).toBe(200);
    });

    it('by chat shows the last session only', async () => {
      scene.portal.closeDialog(chatId);
      await send(scene, item('again'));
      const { data } = await callAs(27, 'imopenlines.session.history.get', { CHAT_ID: chatId });
      const { message } = data.result as { message: Record<string, { text: string }> };
      expect(Object.values(message).map(({ text }) => text)).toEqual(['again']);
    });

    it('refuses nothing and nonsense', async () => {
      expect((await history({})).data.error).toBe('MISSING_REQUIRED_PARAM');
      expect((await history({ SESSION_ID: 1 })).data.error).toBe('INVALID_SESSION_ID');
    });
  });
});
