import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { Browser, FrameLocator, Page } from 'playwright-core';
import type { ApplicationRow } from '../../src/sandbox/oauth/applications.ts';
import { CHROMIUM, inBrowser, watch } from '../support/browser.ts';
import { type Scene, startScene } from '../support/scene.ts';
import { until } from '../support/until.ts';

/**
 * The pages in a real browser, inside the frame of the sandbox portal. Where no Chromium is installed they are covered
 * over HTTP alone (pages.test.ts).
 */

const CLIENT_ID = 'local.gateway';

const suite = (executablePath: string): void => {
  let scene: Scene;
  let browser: Browser;
  let page: Page;
  let faults: string[];
  let strangers: string[];

  beforeAll(async () => {
    browser = await inBrowser(executablePath);
    scene = await startScene({ companion: { mode: 'onFirstMessage' } });
  });
  afterAll(async () => {
    await browser.close();
    await scene.close();
  });
  beforeEach(async () => {
    page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
    ({ faults, strangers } = watch(page, 'http://127.0.0.1:'));
  });
  afterEach(async () => {
    await page.close();
    expect([faults, strangers]).toEqual([[], []]);
  });

  const frame = (): FrameLocator => page.frameLocator('iframe[name=application]');
  const scrollsSideways = (): Promise<boolean> =>
    page.evaluate('document.documentElement.scrollWidth > document.documentElement.clientWidth');
  const portal = async () => (await scene.api.get<{ state: string }>(`/portals/${scene.portalId}`)).data;
  const settings = (line: number, user = 1): Promise<unknown> =>
    page.goto(
      `${scene.portal.url}/contact_center/connector/?ID=${encodeURIComponent(scene.connector)}&LINE=${line}&user=${user}`,
    );

  test('an administrator connects a line inside Bitrix24: chooses, presses Save, and messages cross', async () => {
    const { id: line } = scene.portal.addLine({ LINE_NAME: 'Browser line' });
    await settings(line);
    const form = frame();
    await form.locator('[name=messenger]').selectOption('chat');
    await form.locator('[name=titleTemplate]').fill('{name} / {id}');
    await form.locator('[name=companionMode]').selectOption('off');
    await form.getByRole('button', { name: 'Save' }).click();
    await form.getByText('Saved. The line is connected.').waitFor();
    expect(scene.portal.state().statuses).toContainEqual(expect.objectContaining({ line, usable: true }));
    const inside = page.frames().find((one) => one.url().includes('/bitrix24/connector'));
    expect(await inside?.evaluate('document.documentElement.scrollWidth <= document.documentElement.clientWidth')).toBe(
      true,
    );
    expect(await scrollsSideways()).toBe(false);
    expect(await page.context().cookies()).toEqual([]);

    await page.reload();
    await frame().getByText('Connected.', { exact: true }).waitFor();
    expect(await frame().locator('[name=titleTemplate]').inputValue()).toBe('{name} / {id}');
    await frame().locator('[name=titleTemplate]').fill('');
    await frame().getByRole('button', { name: 'Save' }).click();
    await frame().getByText('Saved. The line is connected.').waitFor();
  });

  test('what cannot be saved is said in the page', async () => {
    const { id: line } = scene.portal.addLine({ LINE_NAME: 'Going' });
    await settings(line);
    await frame().locator('[name=messenger]').waitFor();
    scene.portal.deleteLine(line);
    await frame().getByRole('button', { name: 'Save' }).click();
    await frame().getByText('no such Open Channel line').waitFor();
    faults.splice(0); // The browser itself notes the 422.
  });

  test('an employee is told that there is nothing to set up', async () => {
    await settings(1, 27);
    await frame().getByText('Only administrators').waitFor();
    expect(await frame().getByRole('button').count()).toBe(0);
  });

  test('a page of a portal shows nowhere else', async () => {
    const { action, fields } = scene.portal.openConnectorSettings(scene.connector, 1);
    const inputs = Object.entries(fields).map(([name, value]) => `<input name="${name}" value='${value}'>`);
    await page.setContent(
      `<iframe name="f"></iframe><form method="post" target="f" action="${action}">${inputs.join('')}</form>`,
    );
    const refused = page.waitForEvent('console', (message) => message.text().includes('frame-ancestors'));
    await page.evaluate('document.querySelector("form").submit()');
    await refused;
    faults.splice(0);
  });

  test('an application with a page finishes its installation by itself, and shows where to go on', async () => {
    const { publicUrl } = scene.gateway;
    scene.portal.uninstall(CLIENT_ID);
    await until(async () => (await portal()).state === 'uninstalled');
    const application = scene.portal.inside.shared<ApplicationRow>('applications').get(CLIENT_ID);
    if (!application) throw new Error('the gateway has no card');
    scene.portal.install({ ...application, kind: 'ui', pageUrl: `${publicUrl}/bitrix24/app` });
    expect(scene.portal.state().installations[0]?.installed).toBe(false);
    await page.goto(`${scene.portal.url}/app/?id=${CLIENT_ID}&user=1`);
    await until(() => scene.portal.state().installations[0]?.installed === true);
    await frame().getByText('The gateway is installed on this portal.').waitFor();
    expect(await scrollsSideways()).toBe(false);
    await scene.idle();
    await scene.say('after-install', 'm-1', 'Hello', { name: 'After' });
    await scene.conversation('after-install', ({ name }) => name.applied === 'After');
  });

  test('the portal itself shows what happens, and lets a person be the operator', async () => {
    await page.goto(scene.portal.url);
    await scene.say('watched', 'm-1', 'Is anybody there?', { name: 'Watched <b>' });
    const card = page.locator('#dialogs .card', { hasText: 'Watched <b>' });
    await card.waitFor();
    await card.getByPlaceholder('Answer as the operator').fill('Yes, here');
    await card.getByRole('button', { name: 'Answer' }).click();
    await card.locator('li.operator', { hasText: 'Yes, here' }).waitFor();
    await card.getByPlaceholder('Another title').fill('By hand');
    await card.getByRole('button', { name: 'Rename' }).click();
    const renamed = page.locator('#dialogs .card', { hasText: 'By hand' });
    await renamed.getByRole('button', { name: 'Close the session' }).click();
    await renamed.getByText('session closed').waitFor();
    await page.locator('#companions .card', { hasText: 'Watched <b>' }).waitFor();
    await page.locator('#ledger', { hasText: 'imconnector.send.messages' }).waitFor();
    const { id: line } = scene.portal.addLine({ LINE_NAME: 'Doomed' });
    const doomed = page.locator(`#lines [data-line="${line}"]`);
    await doomed.getByRole('button', { name: 'Delete the line' }).click();
    await until(() => scene.portal.state().lines.every(({ id }) => id !== line));
    expect(await scrollsSideways()).toBe(false);
  });
};

if (CHROMIUM) describe('in a browser', suite.bind(undefined, CHROMIUM));
else
  test('no Chromium is installed here: set CHROMIUM_PATH to test the pages in one', () =>
    expect(CHROMIUM).toBe(undefined));
