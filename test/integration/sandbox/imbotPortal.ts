import http from 'node:http';
import axios from 'axios';
import { createSandbox, type NewPortal, type Sandbox, type SandboxOptions } from '../../../src/sandbox/sandbox.ts';
import type { SandboxPortal } from '../../../src/sandbox/portalHandle.ts';

export type Body = Record<string, unknown>;

export interface Answer {
  readonly status: number;
  readonly error?: string;
  readonly description?: string;
  readonly result: unknown;
}

export interface ImbotPortal {
  readonly sandbox: Sandbox;
  readonly portal: SandboxPortal;
  /** A call by the inbound webhook of a user; the administrator's unless said. */
  call(method: string, params?: Body, userId?: number): Promise<Answer>;
  /** The same, when it must succeed. */
  ok<T = Body>(method: string, params?: Body, userId?: number): Promise<T>;
  /** A call with a token of OAuth. */
  callAs(token: string, method: string, params?: Body): Promise<Answer>;
  control(verb: string, path: string, body?: Body): Promise<unknown>;
  registerBot(fields?: Body, botToken?: string): Promise<number>;
  addChat(botId: number, fields?: Body): Promise<number>;
  close(): Promise<void>;
}

export const TOKEN = 'companion-token';
export const ADMIN = 1;
export const EMPLOYEE = 7;
export const OTHER_EMPLOYEE = 27;
export const DISMISSED = 31;
export const EXTRANET = 44;
/** One transparent pixel. */
export const PNG = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==';

/** Every status is an answer; a connection is not kept for a portal that may be closed and opened again meanwhile. */
const visitor = axios.create({
  validateStatus: () => true,
  proxy: false,
  httpAgent: new http.Agent({ keepAlive: false }),
});

export async function openImbotPortal(row: NewPortal = {}, options: SandboxOptions = {}): Promise<ImbotPortal> {
  const sandbox = await createSandbox(options);
  const portal = await sandbox.addPortal({ requestLimit: 'off', ...row });
  for (const userId of [ADMIN, EMPLOYEE, EXTRANET]) portal.addWebhook(userId, ['imbot'], 'secret');

  function call(method: string, params: Body = {}, userId = ADMIN): Promise<Answer> {
    return postJson(`${portal.restUrl}${userId}/secret/${method}`, params);
  }

  async function ok<T = Body>(method: string, params: Body = {}, userId = ADMIN): Promise<T> {
    const answer = await call(method, params, userId);
    if (answer.status !== 200) throw new Error(`${method}: ${answer.status} ${answer.error} ${answer.description}`);
    return answer.result as T;
  }

  return {
    sandbox,
    portal,
    call,
    ok,
    callAs: (auth, method, params = {}) => postJson(`${portal.restUrl}${method}`, { auth, ...params }),
    async control(verb, path, body = {}) {
      const answer = await visitor.request<unknown>({ method: verb, url: `${portal.controlUrl}${path}`, data: body });
      return answer.data;
    },
    async registerBot(fields = {}, botToken = TOKEN) {
      const properties = { name: 'Companion' };
      const sent = { botToken, fields: { code: 'gw_companion', properties, ...fields } };
      return (await ok<{ bot: { id: number } }>('imbot.v2.Bot.register', sent)).bot.id;
    },
    async addChat(botId, fields = {}) {
      const sent = { botId, botToken: TOKEN, fields: { title: 'A chat', ...fields } };
      return (await ok<{ chat: { id: number } }>('imbot.v2.Chat.add', sent)).chat.id;
    },
    close: () => sandbox.close(),
  };
}

async function postJson(url: string, body: Body): Promise<Answer> {
  const { status, data } = await visitor.post<Body & { error?: string; error_description?: string }>(url, body);
  return {
    status,
    result: data.result,
    ...(data.error === undefined ? {} : { error: data.error }),
    ...(data.error_description === undefined ? {} : { description: data.error_description }),
  };
}
