import type { AxiosInstance } from 'axios';
import { sign } from '../../src/messenger/signature.ts';
import type { Scene } from './scene.ts';
import { until } from './until.ts';

/**
 * How each operation of the OpenAPI document is called so that it succeeds. An operation whose path has no parameters
 * and that takes no body needs no line here. A new one that does is one line: make what it is about through the API
 * itself, and answer with the path parameters and the body. `example` is the one of the document, so that what readers
 * copy from there is what works.
 */

export interface Exercise {
  params?: Record<string, string>;
  query?: Record<string, string>;
  body?: unknown;
  /** A body that is no JSON; its type is in `headers`. */
  raw?: string;
  headers?: Record<string, string>;
  /** Puts right what had to be disturbed. */
  after?: () => Promise<unknown>;
}

export interface World {
  scene: Scene;
  /** With all scopes. */
  api: AxiosInstance;
  /** A word nobody has used yet. */
  fresh: (prefix: string) => string;
}

type Prepare = (world: World, example: Record<string, unknown>) => Promise<Exercise> | Exercise;

interface Made {
  id: string;
  code: string;
  state: string;
  webhookSecret: string;
}

async function make<T = Made>({ api }: World, path: string, body: object): Promise<T> {
  const { status, data } = await api.post<T>(path, body);
  if (status >= 300) throw new Error(`${path} answered ${status}: ${JSON.stringify(data)}`);
  return data;
}

const onPortal = ({ scene }: World): Record<string, string> => ({ id: scene.portalId });
const newConnector = (world: World): Promise<Made> =>
  make(world, `/portals/${world.scene.portalId}/connectors`, { code: world.fresh('chat_'), name: 'C', kind: 'group' });
const newBot = (world: World): Promise<Made> =>
  make(world, `/portals/${world.scene.portalId}/bots`, { code: world.fresh('b_'), name: 'Bot' });
async function newMessenger(world: World): Promise<{ slug: string; webhookSecret: string }> {
  return make(world, '/messengers', { slug: world.fresh('m-'), name: 'Shop' });
}
async function newChannel(world: World): Promise<Made> {
  const { code: connector } = await newConnector(world);
  return make(world, '/channels', { portalId: world.scene.portalId, messenger: 'chat', connector, lineId: 1 });
}
const newConversation = (world: World): Promise<Made> =>
  make(world, '/conversations', { channelId: world.scene.channelId, externalId: world.fresh('c-'), name: 'Order' });
async function newCompanion(world: World): Promise<Made> {
  const conversation = await newConversation(world);
  const { status } = await world.api.put(`/conversations/${conversation.id}/companion`, {});
  if (status >= 300) throw new Error(`the companion was answered ${status}`);
  return conversation;
}
const newKey = (world: World): Promise<Made> => make(world, '/api-keys', { name: 'Short', scopes: ['read'] });
const newRun = (world: World): Promise<Made> =>
  make(world, '/runs', { kind: 'reconcileCompanions', portalId: world.scene.portalId, dryRun: true });

/** A person's message that has arrived on the portal. */
async function newMessage({ scene, fresh }: World): Promise<{ conversationId: string; messageId: string }> {
  const [conversation, messageId] = [fresh('c-'), fresh('msg-')];
  await scene.say(conversation, messageId, 'Hello', { name: 'Order' });
  const { id } = await scene.conversation(conversation, ({ name }) => name.state === 'applied');
  return { conversationId: id, messageId };
}

/** While the portal is paused; whoever takes it resumes the portal. */
async function waitingJob({ api, scene, fresh }: World): Promise<{ jobId: string; resume: () => Promise<unknown> }> {
  const path = `/portals/${scene.portalId}`;
  await api.patch(path, { paused: true });
  const conversation = fresh('c-');
  await scene.say(conversation, fresh('msg-'), 'Hello', { name: 'Order' });
  const { id: conversationId } = await scene.conversation(conversation);
  const params = { conversationId, kind: 'deliverMessage' };
  const job = await until(async () => (await api.get<{ items: Made[] }>('/jobs', { params })).data.items[0]);
  return { jobId: job!.id, resume: () => api.patch(path, { paused: false }) };
}

async function deadJob(world: World): Promise<string> {
  const { jobId, resume } = await waitingJob(world);
  await make(world, `/jobs/${jobId}/cancel`, {});
  await resume();
  return jobId;
}

async function someEvent(world: World): Promise<string> {
  await newMessage(world);
  const { data } = await world.api.get<{ items: Made[] }>('/webhook-events', { params: { state: 'applied' } });
  return data.items[0]!.id;
}

export const exercises: Readonly<Record<string, Prepare>> = {
  getPortal: (world) => ({ params: onPortal(world) }),
  changePortal: (world, body) => ({ params: onPortal(world), body }),
  erasePortal: (world) => ({ params: onPortal(world) }),
  checkPortal: (world) => ({ params: onPortal(world), query: { repair: 'true' } }),
  listPortalLines: (world) => ({ params: onPortal(world) }),

  listConnectors: (world) => ({ params: onPortal(world) }),
  createConnector: (world, body) => ({ params: onPortal(world), body }),
  getConnector: async (world) => ({ params: { ...onPortal(world), code: (await newConnector(world)).code } }),
  removeConnector: async (world) => ({ params: { ...onPortal(world), code: (await newConnector(world)).code } }),

  listBots: (world) => ({ params: onPortal(world) }),
  createBot: (world, body) => ({ params: onPortal(world), body: { ...body, code: world.fresh('b_') } }),
  getBot: async (world) => ({ params: { ...onPortal(world), botId: (await newBot(world)).id } }),
  changeBot: async (world, body) => ({ params: { ...onPortal(world), botId: (await newBot(world)).id }, body }),
  rotateBotToken: async (world) => ({ params: { ...onPortal(world), botId: (await newBot(world)).id } }),
  removeBot: async (world) => ({ params: { ...onPortal(world), botId: (await newBot(world)).id } }),

  createMessenger: (_, body) => ({ body }),
  getMessenger: async (world) => ({ params: { slug: (await newMessenger(world)).slug } }),
  changeMessenger: async (world, body) => ({ params: { slug: (await newMessenger(world)).slug }, body }),
  removeMessenger: async (world) => ({ params: { slug: (await newMessenger(world)).slug } }),
  rotateSecret: async (world, body) => ({ params: { slug: (await newMessenger(world)).slug }, body }),

  erasePerson: async (world) => {
    const { messageId } = await newMessage(world);
    const { data } = await world.api.get<{ items: { slug: string }[] }>('/messengers');
    return { params: { slug: data.items[0]!.slug, externalId: `of-${messageId}` } };
  },

  async createChannel(world, example) {
    const { code: connector } = await newConnector(world);
    return { body: { ...example, portalId: world.scene.portalId, messenger: 'chat', connector } };
  },
  getChannel: async (world) => ({ params: { id: (await newChannel(world)).id } }),
  changeChannel: async (world, body) => ({ params: { id: (await newChannel(world)).id }, body }),
  removeChannel: async (world) => ({ params: { id: (await newChannel(world)).id }, query: { force: 'true' } }),

  listConversations: () => ({ query: { nameState: 'applied', companionState: 'none', q: 'order', limit: '2' } }),
  mapConversation: ({ scene }, example) => ({ body: { ...example, channelId: scene.channelId } }),
  getConversation: async (world) => ({ params: { id: (await newConversation(world)).id } }),
  changeConversation: async (world, body) => ({ params: { id: (await newConversation(world)).id }, body }),
  removeConversation: async (world) => ({ params: { id: (await newConversation(world)).id } }),
  importConversations: ({ scene, fresh }) => ({
    query: { channelId: scene.channelId },
    raw: `externalId,name\n${fresh('c-')},Order\n`,
    headers: { 'content-type': 'text/csv' },
  }),
  resyncConversation: async (world) => ({ params: { id: (await newConversation(world)).id } }),
  getTimeline: async (world) => ({ params: { id: (await newMessage(world)).conversationId } }),
  getMessage: async (world) => ({ params: { id: (await newMessage(world)).messageId } }),

  putCompanion: async (world, body) => ({ params: { id: (await newConversation(world)).id }, body }),
  getCompanion: async (world) => ({ params: { id: (await newCompanion(world)).id }, query: { live: 'true' } }),
  archiveCompanion: async (world) => ({ params: { id: (await newCompanion(world)).id } }),
  postToCompanion: async (world, body) => ({ params: { id: (await newCompanion(world)).id }, body }),

  getJob: async (world) => ({ params: { id: await deadJob(world) } }),
  retryJob: async (world, body) => ({ params: { id: await deadJob(world) }, body }),
  retryJobs: (_, body) => ({ body }),
  async cancelJob(world, body) {
    const { jobId, resume } = await waitingJob(world);
    return { params: { id: jobId }, body, after: resume };
  },

  async confirmJob(world, body) {
    return { params: { id: await deadJob(world) }, body };
  },

  getWebhookEvent: async (world) => ({ params: { id: await someEvent(world) } }),
  replayWebhookEvent: async (world) => ({ params: { id: await someEvent(world) } }),

  createRun: ({ scene }, example) => ({ body: { ...example, portalId: scene.portalId } }),
  getRun: async (world) => ({ params: { id: (await newRun(world)).id } }),
  listRunFindings: async (world) => ({ params: { id: (await newRun(world)).id } }),

  createApiKey: (_, body) => ({ body }),
  getApiKey: async (world) => ({ params: { id: (await newKey(world)).id } }),
  revokeApiKey: async (world) => ({ params: { id: (await newKey(world)).id } }),

  async receiveWebhook(world, body) {
    const { slug, webhookSecret: secret } = await newMessenger(world);
    const [id, timestamp] = [world.fresh('evt_'), Math.floor(world.scene.sandbox.clock.now() / 1000)];
    const signature = sign({ id, timestamp, body: JSON.stringify(body), secret });
    const headers = { 'webhook-id': id, 'webhook-timestamp': String(timestamp), 'webhook-signature': signature };
    return { params: { messenger: slug }, body, headers };
  },
};

/** They leave nothing for the others to work with. */
export const LAST: readonly string[] = ['erasePortal'];
