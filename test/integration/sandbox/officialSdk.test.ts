import { B24OAuth } from '@bitrix24/b24jssdk';
import { CONNECTOR, connect, item, openScene, registration, send, type Scene } from './scene.ts';

/**
 * The official SDK as a second, independent client: where it and ours agree on the sandbox, the sandbox is plausible
 * (contract platform §7.9).
 */

let scene: Scene;
let renewed: string[];
let sdk: B24OAuth;

beforeEach(async () => {
  scene = await openScene();
  await connect(scene);
  const { portal, application, tokens } = scene;
  renewed = [];
  sdk = new B24OAuth(
    {
      applicationToken: tokens.application_token ?? '',
      userId: 1,
      memberId: portal.memberId,
      accessToken: tokens.access_token ?? '',
      refreshToken: tokens.refresh_token ?? '',
      expires: Number(tokens.expires),
      expiresIn: 3600,
      scope: tokens.scope ?? '',
      domain: portal.domain,
      clientEndpoint: portal.restUrl,
      serverEndpoint: tokens.server_endpoint ?? '',
      status: 'L',
    },
    { clientId: application.clientId, clientSecret: application.clientSecret },
  );
  sdk.offClientSideWarning();
  sdk.setCallbackRefreshAuth(({ b24OAuthParams }) => {
    renewed.push(b24OAuthParams.accessToken);
    return Promise.resolve();
  });
});
afterEach(async () => {
  sdk.destroy();
  await scene.close();
});

const call = (method: string, params: Record<string, unknown> = {}) => sdk.actions.v2.call.make({ method, params });

it('calls: a connector is registered and activated, and a message makes a dialog', async () => {
  expect((await call('imconnector.register', registration('sdk_chat'))).isSuccess).toBe(true);
  await call('imconnector.activate', { CONNECTOR: 'sdk_chat', LINE: 1, ACTIVE: 1 });
  await call('imconnector.send.messages', { CONNECTOR: 'sdk_chat', LINE: 1, MESSAGES: [item('From the SDK')] });
  const [dialog] = scene.portal.state().dialogs.filter(({ connector }) => connector === 'sdk_chat');
  expect(dialog?.messages.map(({ text }) => text)).toEqual(['From the SDK']);
  expect((await call('profile')).getData()?.result).toMatchObject({ ID: '1', ADMIN: true });
});

it('a refusal keeps its code', async () => {
  await expect(call('imconnector.status', {})).rejects.toMatchObject({ code: 'ERROR_ARGUMENT' });
});

it('an expired token is renewed once, the call repeated', async () => {
  scene.sandbox.advance(2 * 3_600_000);
  expect((await call('profile')).isSuccess).toBe(true);
  expect(renewed).toHaveLength(1);
  expect((await call('profile')).isSuccess).toBe(true);
  expect(renewed).toHaveLength(1);
});

it('a batch of named commands answers by name', async () => {
  await send(scene, item('Hello'));
  const batch = await sdk.actions.v2.batch.make({
    calls: {
      who: { method: 'profile', params: {} },
      name: {
        method: 'imconnector.chat.name.set',
        params: { CONNECTOR, LINE: 1, CHAT_ID: 'c-1', USER_ID: 'ann', NAME: 'A & B # c + d [e].f' },
      },
    },
    options: { isHaltOnError: false, returnAjaxResult: true },
  });
  expect(batch.isSuccess).toBe(true);
  expect(Object.keys(batch.getData() as object).sort()).toEqual(['name', 'who']);
  expect(scene.portal.state().dialogs[0]?.title).toBe('A & B # c + d [e].f');
});
