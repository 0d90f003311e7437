// A small messenger with rooms, to copy from. It knows the gateway by its public surface alone: it sends signed webhooks,
// and takes signed deliveries. Everything is kept in memory.
//
//   npm start                                  the gateway with its sandbox portal
//   node examples/messenger/server.mjs         this, beside it
import { Buffer } from 'node:buffer';
import { createHmac, randomUUID, timingSafeEqual } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import axios from 'axios';
import express from 'express';

const here = (name) => fileURLToPath(new URL(name, import.meta.url));
const log = (text) => process.stdout.write(`${text}\n`);

/** @type {Map<string, {id: string, name: string, messages: object[]}>} */
const rooms = new Map();
const files = new Map();
/** Deliveries that were taken already: a repeat has the same id. */
const taken = new Map();

// ------------------------------------------------------------- Standard Webhooks, both ways

const signature = (secret, id, timestamp, body) =>
  'v1,' +
  createHmac('sha256', Buffer.from(secret.replace(/^whsec_/, ''), 'base64'))
    .update(`${id}.${timestamp}.`)
    .update(body)
    .digest('base64');

function isGenuine(req, secret) {
  const [id, timestamp, given] = ['webhook-id', 'webhook-timestamp', 'webhook-signature'].map((name) => req.get(name));
  if (!id || !given || Math.abs(Date.now() / 1000 - Number(timestamp)) > 300) return false;
  const expected = Buffer.from(signature(secret, id, timestamp, req.body));
  return given.split(' ').some((one) => {
    const presented = Buffer.from(one);
    return presented.length === expected.length && timingSafeEqual(presented, expected);
  });
}

async function send(gateway, type, data) {
  const id = `evt_${randomUUID()}`;
  const body = JSON.stringify({ type, timestamp: new Date().toISOString(), data });
  for (let tries = 1; ; tries++) {
    const timestamp = Math.floor(Date.now() / 1000);
    const headers = {
      'content-type': 'application/json',
      'webhook-id': id,
      'webhook-timestamp': String(timestamp),
      'webhook-signature': signature(gateway.webhookSecret, id, timestamp, body),
    };
    try {
      const { status } = await axios.post(gateway.webhookUrl, body, { headers, validateStatus: () => true });
      if (status === 202) return;
      // Repeating what was refused is useless.
      if (status < 500) throw new Error(`the gateway refused ${type} with ${status}`);
    } catch (error) {
      if (tries >= 5 || !axios.isAxiosError(error)) throw error;
    }
  }
}

// ------------------------------------------------------------- what the gateway delivers

const messagesOf = (conversation) => rooms.get(conversation.id)?.messages ?? [];

/** What is returned is the answer. A room that is gone makes no trouble: there is nobody to tell. */
const deliveries = {
  'operator.message.created'({ gatewayId, conversation, message, operator }) {
    const { text, attachments, replyToId, system } = message;
    const id = `o-${gatewayId}`;
    const from = system ? '' : (operator.name ?? 'Support');
    messagesOf(conversation).push({ id, from, text, attachments, replyToId, mine: false });
    return { messageIds: [id] };
  },
  'operator.message.edited'({ conversation, messageIds, message }) {
    const changed = messagesOf(conversation).filter(({ id }) => messageIds.includes(id));
    for (const one of changed) Object.assign(one, { text: message.text, edited: true });
  },
  'operator.message.deleted'({ conversation, messageIds }) {
    const gone = messagesOf(conversation).filter(({ id }) => messageIds.includes(id));
    for (const one of gone) Object.assign(one, { text: '', attachments: [], deleted: true });
  },
};

// ------------------------------------------------------------- the application

function createApp(gateway, publicUrl) {
  const app = express();
  app.post('/deliveries', express.raw({ type: () => true, limit: '1mb' }), (req, res) => {
    if (!isGenuine(req, gateway.deliverySecret)) return res.sendStatus(401);
    const id = req.get('webhook-id');
    const { type, data } = JSON.parse(req.body.toString());
    if (!taken.has(id)) taken.set(id, deliveries[type]?.(data) ?? {});
    res.json(taken.get(id));
  });

  app.get('/', (_req, res) => res.sendFile(here('page.html')));
  app.get('/rooms', (_req, res) => res.json([...rooms.values()]));
  app.get('/files/:id', (req, res) => {
    const file = files.get(req.params.id);
    if (!file) return res.sendStatus(404);
    // What somebody sent must not run as a page of this host.
    res.set('content-security-policy', 'sandbox').type(file.type).send(file.body);
  });
  app.post('/files', express.raw({ type: () => true, limit: '20mb' }), (req, res) => {
    const id = randomUUID();
    files.set(id, { body: req.body, type: req.get('content-type') ?? 'application/octet-stream' });
    res.json({ url: `${publicUrl()}/files/${id}` });
  });

  const anna = { id: 'u-anna', name: 'Anna', lastName: 'Berg' };
  app.use(express.json());
  app.post('/rooms', async (req, res) => {
    const made = { id: `room-${randomUUID().slice(0, 8)}`, name: req.body.name || 'New room', messages: [] };
    rooms.set(made.id, made);
    await send(gateway, 'conversation.created', { conversation: { id: made.id, name: made.name, kind: 'group' } });
    res.status(201).json(made);
  });
  app.param('room', (req, res, next, id) => {
    req.room = rooms.get(id);
    if (req.room) next();
    else res.sendStatus(404);
  });
  app.patch('/rooms/:room', async (req, res) => {
    const previousName = req.room.name;
    req.room.name = req.body.name;
    const conversation = { id: req.room.id, name: req.room.name };
    await send(gateway, 'conversation.renamed', { conversation, previousName });
    res.json(req.room);
  });
  app.post('/rooms/:room/messages', async (req, res) => {
    const { text = '', attachments = [], replyToId } = req.body;
    const written = { id: `m-${randomUUID()}`, text, attachments, replyToId };
    const message = { ...written, from: anna.name, mine: true };
    req.room.messages.push(message);
    const conversation = { id: req.room.id, name: req.room.name };
    await send(gateway, 'message.created', { conversation, sender: anna, message: written });
    res.status(201).json(message);
  });
  app.patch('/rooms/:room/messages/:id', async (req, res) => {
    const message = req.room.messages.find(({ id }) => id === req.params.id);
    if (!message?.mine) return res.sendStatus(404);
    Object.assign(message, { text: req.body.text, edited: true });
    const change = { id: message.id, text: message.text };
    await send(gateway, 'message.edited', { conversation: { id: req.room.id }, sender: anna, message: change });
    res.json(message);
  });
  app.delete('/rooms/:room/messages/:id', async (req, res) => {
    const message = req.room.messages.find(({ id }) => id === req.params.id);
    if (!message?.mine) return res.sendStatus(404);
    Object.assign(message, { text: '', attachments: [], deleted: true });
    const gone = { conversation: { id: req.room.id }, sender: anna, message: { id: message.id } };
    await send(gateway, 'message.deleted', gone);
    res.sendStatus(204);
  });
  app.use((error, _req, res, next) => {
    if (res.headersSent) return next(error);
    log(error.message);
    res.status(502).json({ error: error.message });
  });
  return app;
}

/** What `npm start` left for whoever wants to try: addresses, the webhook secret, a key of the administration. */
async function connect(demoFile, publicUrl) {
  const demo = JSON.parse(await readFile(demoFile, 'utf8'));
  const slug = demo.webhookUrl.split('/').at(-1);
  const api = axios.create({
    baseURL: `${demo.gatewayUrl}/admin/v1/messengers/${slug}`,
    headers: { authorization: `Bearer ${demo.apiKey}` },
  });
  const { data } = await api.post('/secrets', { kind: 'delivery', overlapHours: 0 });
  await api.patch('', { deliveryUrl: `${publicUrl}/deliveries`, paused: false });
  const { webhookUrl, webhookSecret, portalUrl } = demo;
  return { webhookUrl, webhookSecret, portalUrl, deliverySecret: data.secret };
}

const gateway = {};
let publicUrl = '';
const app = createApp(gateway, () => publicUrl);
const server = app.listen(Number(process.env.PORT ?? 3001), '127.0.0.1', async () => {
  publicUrl = `http://127.0.0.1:${server.address().port}`;
  try {
    Object.assign(gateway, await connect(process.env.DEMO_FILE ?? '.data/demo.json', publicUrl));
    log(`The messenger is ready: ${publicUrl}\nThe operator's side:    ${gateway.portalUrl}`);
  } catch (error) {
    log(`The gateway cannot be reached (${error.message}). Start it first: npm start`);
    process.exit(1);
  }
});
