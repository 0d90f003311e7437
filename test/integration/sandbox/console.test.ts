import { connect, item, openScene, send, visitor, type Scene } from './scene.ts';

let scene: Scene;
beforeEach(async () => {
  scene = await openScene();
  await connect(scene);
});
afterEach(() => scene.close());

const page = async (path: string): Promise<{ status: number; data: string }> =>
  visitor.get<string>(`${scene.portal.url}${path}`);

it('the page of the portal shows dialogs, lines, applications and calls, and nothing of another host', async () => {
  await send(scene, item('Hello <script>'));
  const { status, data } = await page('/');
  expect(status).toBe(200);
  expect(data).toContain('Ann Lee - Open Channel');
  expect(data).toContain('Hello &#60;script&#62;');
  expect(data).toContain('imconnector.send.messages');
  expect(data).toContain(scene.application.clientId);
  expect(data).not.toMatch(/(src|href|action)="(https?:)?\/\//);
  expect(data).not.toContain(scene.tokens.access_token);
});

it('other portals of the sandbox are one click away', async () => {
  const other = await scene.sandbox.addPortal({ title: 'Other' });
  expect((await page('/')).data).toContain(`href="${other.url}"`);
});

it('a page of an application is a form of the contract, posted into a frame', async () => {
  const { data } = await page(`/app/?id=${scene.application.clientId}&user=27`);
  for (const field of ['AUTH_ID', 'REFRESH_ID', 'member_id', 'APPLICATION_TOKEN', 'PLACEMENT']) {
    expect(data).toContain(`name="${field}"`);
  }
  expect(data).toContain('target="application"');
  expect((await page('/app/?id=nobody')).status).toBe(404);
  const settings = await page('/contact_center/connector/?ID=acme_chat&LINE=1');
  expect(settings.data).toContain('SETTING_CONNECTOR');
  expect((await page('/contact_center/connector/?ID=nobody&LINE=1')).status).toBe(404);
});

it('a stand-in for BX24.js comes from the portal itself', async () => {
  expect((await page('/bx24.js')).data).toContain('installFinish');
});

it('offline events are refused, not pretended', async () => {
  const bound = await scene.call('event.bind', { event: 'ONAPPTEST', event_type: 'offline' });
  expect([bound.status, bound.data.error]).toEqual([400, 'SANDBOX_NOT_IMITATED']);
  const read = await scene.call('event.offline.get');
  expect([read.status, read.data.error]).toEqual([400, 'SANDBOX_NOT_IMITATED']);
});

it('a payment that begins again is told by an event, one that ends is not', async () => {
  await scene.result('event.bind', { event: 'ONAPPPAYMENT', handler: scene.inbox.url });
  scene.portal.setPayment(scene.application.clientId, true);
  await scene.portal.events.idle();
  expect(scene.inbox.named('ONAPPPAYMENT')).toEqual([]);
  scene.portal.setPayment(scene.application.clientId, false);
  await scene.portal.events.idle();
  const told = scene.inbox.named('ONAPPPAYMENT');
  expect(told.at(-1)?.data).toMatchObject({ PAYMENT_EXPIRED: 'N', CODE: scene.application.clientId });
  expect(told.at(-1)?.auth).not.toHaveProperty('access_token');
});
