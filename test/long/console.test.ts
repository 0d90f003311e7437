import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { Browser, BrowserContext, Locator, Page, Route } from 'playwright-core';
import { CHROMIUM, inBrowser, watch } from '../support/browser.ts';
import { ADMIN_KEY } from '../support/gatewayEnv.ts';
import { type Scene, startScene } from '../support/scene.ts';
import { until } from '../support/until.ts';

/** What an administrator does in the console, in a real browser. The session itself is tested over HTTP (consoleSession.test.ts). */

const suite = (executablePath: string): void => {
  let scene: Scene;
  let browser: Browser;
  let context: BrowserContext;
  let page: Page;
  let faults: string[];
  let strangers: string[];
  let bytes: number;

  beforeAll(async () => {
    browser = await inBrowser(executablePath);
    scene = await startScene({ companion: { mode: 'onFirstMessage' } });
  });
  afterAll(async () => {
    await browser.close();
    await scene.close();
  });
  beforeEach(async () => {
    bytes = 0;
    scene.portal.faults.clear();
    context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
    page = await context.newPage();
    ({ faults, strangers } = watch(page, scene.gateway.publicUrl));
    const network = await context.newCDPSession(page);
    await network.send('Network.enable');
    network.on('Network.loadingFinished', ({ encodedDataLength }) => (bytes += encodedDataLength));
  });
  afterEach(async () => {
    await context.close();
    expect([faults, strangers]).toEqual([[], []]);
  });

  const open = (where = ''): Promise<unknown> => page.goto(`${scene.gateway.publicUrl}/console${where}`);
  const press = (name: string | RegExp, within: Page | Locator = page): Promise<void> =>
    within.getByRole('button', { name }).first().click();
  const heading = (name: string): Promise<void> => page.getByRole('heading', { name, level: 1 }).waitFor();
  async function signIn(where = '', key = ADMIN_KEY): Promise<void> {
    await open(where);
    await page.getByLabel('API key').fill(key);
    await press('Sign in');
    await page.getByRole('navigation').waitFor();
  }
  const scrollsSideways = (): Promise<boolean> =>
    page.evaluate('document.documentElement.scrollWidth > document.documentElement.clientWidth');
  const fail = (method: string, code: string): void =>
    void scene.portal.faults.add({ match: { method, times: 1 }, effect: { status: 400, code } });
  const jobs = async (state: string): Promise<unknown[]> =>
    (await scene.api.get<{ items: unknown[] }>('/jobs', { params: { state } })).data.items;

  test('a stuck rename is found from the overview, its reason is in words, and one press applies it', async () => {
    await scene.say('stuck', 'm-1', 'Hello', { name: 'Order 7' });
    await scene.conversation('stuck', ({ name }) => name.applied === 'Order 7');
    fail('imconnector.chat.name.set', 'ACCESS_DENIED');
    await scene.rename('stuck', 'Order 7, paid');
    await scene.conversation('stuck', ({ name }) => name.state === 'failed');

    await signIn();
    await page.getByText('1 name could not be applied').waitFor();
    await page.getByRole('link', { name: 'See which' }).click();
    await page
      .getByRole('row', { name: /Order 7, paid/ })
      .getByText('shows Order 7')
      .waitFor();
    await page.getByRole('link', { name: 'Order 7, paid' }).click();
    await heading('Order 7, paid');
    await page.getByText('Bitrix24 denied the access.').first().waitFor();
    await press('Try again now');
    await page.getByText('The dialog has its name.').waitFor();
    expect(scene.dialogs('stuck')).toMatchObject([{ title: 'Order 7, paid' }]);
    expect(await jobs('dead')).toEqual([]);
  });

  test('a name that waits for its portal says so, and the portal goes on from there', async () => {
    await scene.say('waits', 'm-1', 'Hello', { name: 'Waits' });
    await scene.conversation('waits', ({ name }) => name.applied === 'Waits');
    await scene.api.patch(`/portals/${scene.portalId}`, { paused: true });
    await scene.rename('waits', 'Waits for its portal');
    const { id } = await scene.conversation('waits', ({ name }) => name.state === 'pending');
    await signIn(`#/conversations/${id}`);
    await page.getByText('is paused.').waitFor();
    await press('Resume the portal');
    await page.getByText('The dialog has its name.').waitFor();
    await scene.api.patch(`/portals/${scene.portalId}`, { paused: false });
    expect(scene.dialogs('waits')).toMatchObject([{ title: 'Waits for its portal' }]);
  });

  test('a name is given and locked by hand', async () => {
    await scene.say('by-hand', 'm-1', 'Hello', { name: 'Given by the messenger' });
    await scene.conversation('by-hand', ({ name }) => name.applied !== null);
    await signIn('#/conversations?q=given%20by');
    await page.getByRole('link', { name: 'Given by the messenger' }).click();
    await press('Lock the name');
    await page.getByText('Locked: names from the messenger are kept aside.').waitFor();
    await page.getByLabel('Rename to').fill('Given by hand');
    await page.keyboard.press('Enter');
    await heading('Given by hand');
    await scene.rename('by-hand', 'Given again by the messenger');
    const { name } = await scene.conversation('by-hand', (view) => view.name.applied === 'Given by hand');
    expect(name.locked).toBe(true);
  });

  test('a dead job is seen with its reason and retried, and its message arrives', async () => {
    await scene.say('dead', 'm-1', 'Before', { name: 'Dead' });
    await scene.idle();
    fail('imconnector.send.messages', 'ERROR_ARGUMENT');
    await scene.say('dead', 'm-2', 'After');
    await until(async () => (await jobs('dead')).length === 1);

    await signIn('#/failures');
    const row = page.getByRole('row', { name: /Deliver a message to the dialog/ });
    await row.getByText('Bitrix24 finds a part of the request wrong.').waitFor();
    await row.getByRole('link', { name: 'Dead' }).waitFor();
    await press('Deliver a message to the dialog', row);
    await page.getByRole('dialog').getByText('refused').waitFor();
    await page.keyboard.press('Escape');
    await row.getByRole('checkbox').check();
    await press('Retry (1)');
    await page.getByText('1 tried again.').waitFor();
    await until(() => scene.dialogs('dead')[0]?.messages.some(({ text }) => text === 'After'));
    await page.getByText('Nothing was given up.').waitFor();
  });

  test('of a message nobody can tell of a person says that it was delivered, and it is not sent again', async () => {
    await scene.say('unsure', 'm-1', 'Before', { name: 'Unsure' });
    await scene.idle();
    const match = { method: 'imconnector.send.messages', times: 1 };
    scene.portal.faults.add({ match, effect: { happensButNoAnswer: true } });
    scene.portal.faults.add({
      match: { method: 'imopenlines.dialog.get' },
      effect: { status: 400, code: 'ACCESS_ERROR' },
    });
    await scene.say('unsure', 'm-2', 'Only once');
    await scene.passUntil(async () => (await jobs('parked')).length === 1);
    const sent = scene.calls('imconnector.send.messages').length;

    await signIn('#/failures?state=parked');
    await page.getByText('the portal does not tell whether it happened').waitFor();
    await press('It was delivered');
    await page.getByText('Nothing waits for a decision.').waitFor();
    await scene.idle();
    expect(scene.calls('imconnector.send.messages')).toHaveLength(sent);
    const texts = scene.dialogs('unsure')[0]?.messages.map(({ text }) => text);
    expect(texts?.filter((text) => text === 'Only once')).toHaveLength(1);
  });

  test('a session that ends asks for the key over the page: what was typed stays, and what was asked for is done', async () => {
    await scene.say('typing', 'm-1', 'Hello', { name: 'Before' });
    await scene.conversation('typing', ({ name }) => name.applied === 'Before');
    await signIn('#/conversations?q=before');
    await page.getByRole('link', { name: 'Before' }).click();
    await heading('Before');
    // What the page asks by itself would notice first: here it is the person who does.
    const held: Route[] = [];
    await page.route('**/admin/v1/**', (route) =>
      route.request().headers()['ocg-console'] === 'poll' ? void held.push(route) : route.continue(),
    );
    await page.getByLabel('Rename to').fill('Typed for a long time');
    await context.clearCookies();
    await press('Rename');

    const dialog = page.getByRole('dialog');
    await dialog.getByText('Nothing you typed is lost').waitFor();
    await page.keyboard.press('Escape');
    expect(await page.getByLabel('Rename to').inputValue()).toBe('Typed for a long time');
    await dialog.getByLabel('API key').fill('wrong');
    await press('Sign in', dialog);
    await dialog.getByRole('alert').getByText('Nobody has this key').waitFor();
    await dialog.getByLabel('API key').fill(ADMIN_KEY);
    await press('Sign in', dialog);
    await dialog.waitFor({ state: 'detached' });
    await heading('Typed for a long time');
    await scene.conversation('typing', ({ name }) => name.applied === 'Typed for a long time');
    await page.unrouteAll({ behavior: 'ignoreErrors' });
    await Promise.all(held.map((route) => route.abort().catch(() => undefined)));
    faults.splice(0); // The browser itself notes the 401.
  });

  test('the wiring is checked and repaired, an event is replayed, a key is made and revoked, and all of it is in the audit', async () => {
    await scene.say('events', 'm-1', 'Hello', { name: 'Events' });
    await scene.idle();
    scene.portal.disableConnector(scene.connector, 1);
    await signIn('#/wiring');
    await press('Check the wiring');
    await page.getByRole('row', { name: /^line/ }).getByText('trouble').waitFor();
    await press('Repair what can be repaired');
    await page.getByRole('row', { name: /^line/ }).getByText('repaired').waitFor();

    await page.getByRole('link', { name: 'Webhooks received' }).click();
    await heading('Webhooks received');
    await page.getByLabel('Conversation, by its id in the messenger').fill('events');
    await page.getByRole('cell', { name: 'events', exact: true }).waitFor();
    await press('message.created');
    await page.getByRole('dialog').getByText('"type": "message.created"').waitFor();
    await press('Replay', page.getByRole('dialog'));
    await page.getByText('It is applied once more.').waitFor();
    await press('Close');

    await page.getByRole('link', { name: 'Keys' }).click();
    await heading('Keys');
    await page.getByLabel('Name', { exact: true }).fill('Monitoring');
    await press('Make the key');
    await page
      .getByRole('dialog')
      .getByText(/^ocg_[\w-]{32}$/)
      .waitFor();
    await press('I have it');
    await press('Revoke', page.getByRole('row', { name: /Monitoring/ }));
    await press('Revoke', page.getByRole('dialog'));
    await page
      .getByRole('row', { name: /Monitoring/ })
      .getByText('revoked')
      .waitFor();
    expect(await page.getByText('ocg_').count()).toBe(0);

    await page.getByRole('link', { name: 'Audit' }).click();
    for (const what of ['revoke api key', 'create api key', 'replay webhook event', 'check portal']) {
      await page.getByRole('cell', { name: what }).first().waitFor();
    }
  });

  test('a run is begun as a dry run, and shows what it found and where', async () => {
    await scene.say('compared', 'm-1', 'Hello', { name: 'As it shall be' });
    await scene.idle();
    scene.portal.renameDialog(scene.dialogs('compared')[0]?.chatId ?? 0, 'By hand');
    await signIn('#/runs');
    await page.getByLabel('Portal').locator('option').first().waitFor({ state: 'attached' });
    await press('Begin');
    await heading('Compare all names');
    await page.getByText('dry run', { exact: true }).waitFor();
    const row = page.getByRole('table', { name: 'Findings' }).getByRole('row', { name: 'title' });
    await row.getByRole('link', { name: 'conversation' }).click();
    await heading('As it shall be');
    expect(scene.dialogs('compared')[0]?.title).toBe('By hand');
    await page.goBack();
    await page.getByRole('link', { name: 'All runs' }).click();
    await page.getByRole('table', { name: 'Runs' }).getByText('done').waitFor();
  });

  test('whoever may only read sees everything but the keys, and cannot press what changes something', async () => {
    const { data } = await scene.api.post<{ key: string }>('/api-keys', { name: 'Reader', scopes: ['read'] });
    await signIn('#/wiring', data.key);
    await page.getByRole('button', { name: 'Check the wiring' }).waitFor();
    expect(await page.getByRole('button', { name: 'Check the wiring' }).isDisabled()).toBe(true);
    expect(await page.getByRole('link', { name: 'Keys' }).count()).toBe(0);
    await press('Sign out');
    await page.getByLabel('API key').waitFor();
    expect(await context.cookies()).toEqual([]);
    faults.splice(0); // What was on its way then was refused.
  });

  test('the first view is under 100 kB, and every view is readable on a phone, in the dark, without a mouse', async () => {
    await scene.say('narrow', 'm-1', 'Hello', { name: 'A name that is rather long for so narrow a screen' });
    const conversation = await scene.conversation('narrow');
    await page.emulateMedia({ colorScheme: 'dark' });
    await page.setViewportSize({ width: 390, height: 844 });
    await open();
    await page.locator('input:focus').waitFor();
    await page.keyboard.type(ADMIN_KEY);
    await page.keyboard.press('Enter');
    await heading('Overview');
    await page.locator('canvas').nth(1).waitFor();
    // With every header, and what the overview asks for.
    expect(bytes).toBeGreaterThan(20_000);
    expect(bytes).toBeLessThan(100_000);

    const views = [
      '',
      'conversations',
      `conversations/${conversation.id}`,
      'failures',
      'wiring',
      'webhooks',
      'runs',
      'audit',
      'keys',
    ];
    for (const view of views) {
      await page.evaluate(`location.hash = '#/${view}'`);
      await page.locator('main .card').first().waitFor();
      await until(async () => (await page.locator('.loading').count()) === 0);
      expect([view, await scrollsSideways()]).toEqual([view, false]);
    }
    expect(await page.evaluate('document.activeElement.textContent')).toBe('Keys');
    await page.evaluate(`location.hash = '#/audit/%zz'`);
    await page.getByRole('heading', { name: 'Keys', level: 1 }).waitFor({ state: 'detached' });
    await page.goBack();
    await heading('Keys');
    await page.reload();
    await heading('Keys');
    await page.keyboard.press('Tab');
    expect(await page.evaluate('document.activeElement.textContent')).toBe('Skip to the content');
    await page.keyboard.press('Enter');
    expect(await page.evaluate('document.activeElement.id')).toBe('main');
  });
};

const executablePath = CHROMIUM;
if (executablePath !== undefined) describe('the console', () => suite(executablePath));
else
  test('no Chromium is installed here: set CHROMIUM_PATH to test the console in one', () =>
    expect(CHROMIUM).toBe(undefined));
