import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { appendFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { createSandbox } from '../../../src/sandbox/sandbox.ts';
import { openInbox } from './inbox.ts';
import { registration, visitor, type Body } from './scene.ts';

const main = fileURLToPath(new URL('../../../src/sandbox/main.ts', import.meta.url));
let folder: string;
let stateFile: string;
const running: ChildProcess[] = [];

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'sandbox-'));
  stateFile = path.join(folder, 'state.jsonl');
});
afterEach(async () => {
  await Promise.all(running.splice(0).map(kill));
  await rm(folder, { recursive: true, force: true });
});

async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGKILL');
  await once(child, 'exit');
}

/** `npm run sandbox` as a process of its own; resolves with the address it prints. */
async function start() {
  const child = spawn(process.execPath, ['--import', 'tsx', main, '--state', stateFile]);
  running.push(child);
  let text = '';
  for await (const chunk of child.stdout) {
    text += String(chunk);
    const url = /^control\s+(\S+)\/_sandbox/m.exec(text)?.[1];
    const oauth = /^OAuth\s+(\S+)/m.exec(text)?.[1];
    if (url && oauth) return { child, url, oauth };
  }
  throw new Error(`The sandbox did not start: ${text}`);
}

it('a killed sandbox comes back at its addresses with everything it answered, tokens included', async () => {
  const inbox = await openInbox();
  const first = await start();
  const application = {
    clientId: 'local.test',
    clientSecret: 'secret',
    kind: 'headless',
    scopes: ['imopenlines', 'imconnector'],
    version: 1,
    status: 'L',
    eventsUrl: inbox.url,
  };
  await visitor.post(`${first.url}/_sandbox/v1/install`, { application });
  while (inbox.events.length === 0) await visitor.get(`${first.url}/_sandbox/v1/events`);
  const { access_token: auth, refresh_token: refreshToken = '' } = inbox.events[0]!.auth;
  const call = (method: string, params: object) =>
    visitor.post<Body>(`${first.url}/rest/${method}`, { ...params, auth });
  await call('imconnector.register', registration('acme'));
  await call('imconnector.activate', { CONNECTOR: 'acme', LINE: 1, ACTIVE: 1 });
  const element = { user: { id: 'u', name: 'Ann' }, message: { id: 'm', text: 'Hello' }, chat: { id: 'c' } };
  await call('imconnector.send.messages', { CONNECTOR: 'acme', LINE: 1, MESSAGES: [element] });
  await visitor.post(`${first.url}/_sandbox/v1/clock/advance`, { ms: 60_000 });

  await kill(first.child);
  const second = await start();

  expect([second.url, second.oauth]).toEqual([first.url, first.oauth]);
  const name = { CONNECTOR: 'acme', LINE: 1, CHAT_ID: 'c', USER_ID: 'u', NAME: 'Renamed' };
  expect((await call('imconnector.chat.name.set', name)).status).toBe(200);
  const state = await visitor.get<object>(`${second.url}/_sandbox/v1/state`);
  expect(state.data).toMatchObject({ dialogs: [{ title: 'Renamed', messages: [{ text: 'Hello' }, {}] }] });
  const refresh = {
    grant_type: 'refresh_token',
    refresh_token: refreshToken,
    client_id: 'local.test',
    client_secret: 'secret',
  };
  expect((await visitor.post(`${second.oauth}/oauth/token/`, new URLSearchParams(refresh))).status).toBe(200);
  const now = await visitor.get<{ portal: { now: number } }>(`${second.url}/_sandbox/v1/state`);
  expect(now.data.portal.now - Date.now()).toBeGreaterThan(50_000);
  await inbox.close();
});

it('a torn last line costs nothing but itself', async () => {
  const before = await createSandbox({ stateFile });
  const portal = await before.addPortal({ memberId: 'm' });
  portal.addLine({ LINE_NAME: 'Kept' });
  await before.close();
  await appendFile(stateFile, '["m/lines","3",{"id":3,"sett');
  const after = await createSandbox({ stateFile });
  expect(
    after.portals
      .get('m')
      ?.state()
      .lines.map(({ settings }) => settings.LINE_NAME),
  ).toEqual(['Open Channel', 'Kept']);
  await after.close();
});

it('an address that was taken in the meantime is replaced by another', async () => {
  const before = await createSandbox({ stateFile });
  const { url } = await before.addPortal({ memberId: 'm' });
  const after = await createSandbox({ stateFile });
  expect(after.portals.get('m')?.url).not.toBe(url);
  await Promise.all([before.close(), after.close()]);
});
