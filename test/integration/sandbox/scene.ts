import axios, { type AxiosResponse } from 'axios';
import type { ApplicationRow } from '../../../src/sandbox/oauth/applications.ts';
import type { SandboxPortal } from '../../../src/sandbox/portalHandle.ts';
import {
  createSandbox,
  type NewApplication,
  type NewPortal,
  type Sandbox,
  type SandboxOptions,
} from '../../../src/sandbox/sandbox.ts';
import { openInbox, type Inbox, type ReceivedEvent } from './inbox.ts';

export const CONNECTOR = 'acme_chat';
export const GROUP = 'acme_rooms';

/** Every status is an answer; the body is whatever came. */
export const visitor = axios.create({ validateStatus: () => true, proxy: false });

export interface Body {
  readonly result?: unknown;
  readonly error?: string;
  readonly error_description?: string;
  readonly argument?: string;
  readonly total?: number;
  readonly next?: number;
  readonly time?: Readonly<Record<string, number>>;
}

/** An item of the answer of send.messages. */
export interface SentItem {
  readonly SUCCESS: boolean;
  readonly ERRORS?: readonly string[];
  readonly user: string;
  readonly message: Readonly<Record<string, unknown>>;
  readonly chat: Readonly<Record<string, unknown>>;
  readonly session?: { readonly ID: string; readonly CHAT_ID: string };
}

/** A sandbox with one portal and one installed headless application. */
export interface Scene {
  readonly sandbox: Sandbox;
  readonly portal: SandboxPortal;
  readonly application: ApplicationRow;
  readonly inbox: Inbox;
  readonly tokens: Record<string, string>;
  call(method: string, params?: object): Promise<AxiosResponse<Body>>;
  /** The result of a call that must succeed. */
  result<T = unknown>(method: string, params?: object): Promise<T>;
  control<T>(method: 'get' | 'post' | 'delete' | 'patch', path: string, body?: object): Promise<AxiosResponse<T>>;
  close(): Promise<void>;
}

export interface SceneOptions {
  readonly sandbox?: SandboxOptions;
  readonly portal?: NewPortal;
  readonly application?: NewApplication;
}

export async function openScene(options: SceneOptions = {}): Promise<Scene> {
  const sandbox = await createSandbox(options.sandbox);
  const portal = await sandbox.addPortal({ requestLimit: 'off', ...options.portal });
  const inbox = await openInbox();
  const application = sandbox.addApplication({ eventsUrl: inbox.url, pageUrl: inbox.url, ...options.application });
  portal.install(application);
  await portal.events.idle();
  const tokens: Record<string, string> = { ...inbox.named('ONAPPINSTALL')[0]?.auth };
  const call: Scene['call'] = (method, params = {}) =>
    visitor.post(`${portal.restUrl}${method}`, { ...params, auth: tokens.access_token });
  return {
    sandbox,
    portal,
    application,
    inbox,
    tokens,
    call,
    async result<T>(method: string, params?: object) {
      const { status, data } = await call(method, params);
      if (status !== 200 || data.error) throw new Error(`${method}: ${status} ${JSON.stringify(data)}`);
      return data.result as T;
    },
    control: (method, path, data) => visitor.request({ method, url: `${portal.controlUrl}${path}`, data }),
    async close() {
      await sandbox.close();
      await inbox.close();
    },
  };
}

export const registration = (id: string, more: object = {}) => ({
  ID: id,
  NAME: 'Acme',
  ICON: { DATA_IMAGE: '<svg/>' },
  PLACEMENT_HANDLER: 'http://127.0.0.1:9/connector',
  ...more,
});

export const ANN = { id: 'ann', name: 'Ann', last_name: 'Lee' };

export function item(text: string, more: { user?: object; message?: object; chat?: object } = {}) {
  return {
    user: { ...ANN, ...more.user },
    message: { id: `m-${text}`, date: 1, text, ...more.message },
    chat: { id: 'c-1', ...more.chat },
  };
}

/** A 1:1 and a group connector, active on line 1, and the events of both bound. */
export async function connect(scene: Scene): Promise<void> {
  await scene.result('imconnector.register', registration(CONNECTOR));
  await scene.result('imconnector.register', registration(GROUP, { CHAT_GROUP: true }));
  for (const connector of [CONNECTOR, GROUP]) {
    await scene.result('imconnector.activate', { CONNECTOR: connector, LINE: 1, ACTIVE: 1 });
  }
  for (const event of ['MESSAGEADD', 'MESSAGEUPDATE', 'MESSAGEDELETE', 'DIALOGSTART', 'DIALOGFINISH']) {
    await scene.result('event.bind', { event: `ONIMCONNECTOR${event}`, handler: scene.inbox.url });
  }
  for (const event of ['STATUSDELETE', 'LINEDELETE']) {
    await scene.result('event.bind', { event: `ONIMCONNECTOR${event}`, handler: scene.inbox.url });
  }
}

/** Sends one message and returns its item of the answer. */
export async function send(
  scene: Scene,
  element: object,
  connector = CONNECTOR,
  line: string | number = 1,
): Promise<SentItem> {
  const sent = { CONNECTOR: connector, LINE: line, MESSAGES: [element] };
  const answer = await scene.result<{ DATA: { RESULT: SentItem[] } }>('imconnector.send.messages', sent);
  return answer.DATA.RESULT[0]!;
}

/** Sends one message and returns the chat it went to. */
export async function chatOf(scene: Scene, element: object, connector = CONNECTOR): Promise<number> {
  return Number((await send(scene, element, connector)).session?.CHAT_ID);
}

export async function eventsNamed(scene: Scene, event: string): Promise<ReceivedEvent[]> {
  await scene.portal.events.idle();
  return scene.inbox.named(event);
}

export function dialogOf(scene: Scene, externalChatId = 'c-1') {
  const found = scene.portal.state().dialogs.filter((dialog) => dialog.externalChatId === externalChatId);
  if (found.length !== 1) throw new Error(`${found.length} dialogs for ${externalChatId}`);
  return found[0]!;
}
