// npm run demo: plays a short story over HTTP only, and compares what the portal shows with what the messenger wanted.
// Uses the gateway that runs on this data directory; where none does, it starts one and stops it again.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import axios, { type AxiosInstance } from 'axios';
import { sign } from '../src/messenger/signature.ts';
import { demoFile, type Demo } from '../src/sandboxMode.ts';

const dataDir = process.env.DATA_DIR ?? './.data';
const WITHIN_MS = 60_000;

interface Row {
  what: string;
  wanted: string;
  shown: string;
}

interface Conversation {
  id: string;
  name: { applied: string | null; state: string };
  dialog: { chatId: number | null };
  companion: { state: string; chatId: number | null; ownerUserId: number | null };
}

interface PortalState {
  dialogs: { chatId: number; title: string; externalChatId: string; messages: { text: string; authorId: number }[] }[];
  companions: { chatId: number; entityId: string; title: string; owner: number; members: number[] }[];
}

async function readDemo(): Promise<Demo | undefined> {
  const text = await readFile(demoFile(dataDir), 'utf8').catch(() => undefined);
  return text === undefined ? undefined : (JSON.parse(text) as Demo);
}

async function running(): Promise<Demo | undefined> {
  const demo = await readDemo();
  if (!demo) return undefined;
  const headers = { authorization: `Bearer ${demo.apiKey}` };
  const answer = await axios
    .get(`${demo.gatewayUrl}/admin/v1/messengers/demo`, { headers, timeout: 3_000 })
    .catch(() => undefined);
  return answer && demo;
}

async function startGateway(): Promise<ChildProcess> {
  console.log('No gateway is running on this data directory: starting one.');
  const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
  const env = { ...process.env, PORT: process.env.PORT ?? '0', LOG_LEVEL: 'warn' };
  const main = path.join(root, 'src', 'main.ts');
  const child = spawn(process.execPath, ['--import', 'tsx', main], {
    cwd: process.cwd(),
    env,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  await until(async () => {
    if (child.exitCode !== null) throw new Error('the gateway did not start');
    return running();
  });
  return child;
}

async function until<T>(read: () => Promise<T | undefined | false>): Promise<T> {
  const deadline = Date.now() + WITHIN_MS;
  for (;;) {
    const value = await read();
    if (value) return value;
    if (Date.now() > deadline) throw new Error('the story did not come to its end in time');
    await sleep(100);
  }
}

async function send(demo: Demo, type: string, at: Date, data: object): Promise<void> {
  const timestamp = Math.floor(Date.now() / 1000);
  const id = `demo_${crypto.randomUUID()}`;
  const body = JSON.stringify({ type, timestamp: at.toISOString(), data });
  await axios.post(demo.webhookUrl, body, {
    headers: {
      'content-type': 'application/json',
      'webhook-id': id,
      'webhook-timestamp': timestamp,
      'webhook-signature': sign({ id, timestamp, body, secret: demo.webhookSecret }),
    },
  });
}

const OWNER = 27;
const MEMBERS = [7, 27];

/** Returns the messenger's id of the conversation and the name it ends with. */
async function playStory(demo: Demo, api: AxiosInstance): Promise<{ id: string; name: string; text: string }> {
  const id = `demo-${Date.now()}`;
  const began = Date.now();
  const at = (seconds: number): Date => new Date(began + seconds * 1000 - 60_000);
  const conversation = (name: string): object => ({ conversation: { id, name } });
  const text = 'Good morning, where is my order?';
  const name = 'Order 1042, Anna Berg';

  await send(demo, 'conversation.created', at(0), { conversation: { id, name: 'New customer', kind: 'group' } });
  await send(demo, 'message.created', at(1), {
    conversation: { id },
    sender: { id: 'u-7', name: 'Anna', lastName: 'Berg' },
    message: { id: `${id}-m1`, text },
  });
  await Promise.all([
    send(demo, 'conversation.renamed', at(2), conversation('Order 1042')),
    send(demo, 'conversation.renamed', at(3), conversation('Order 1042, Anna')),
    send(demo, 'conversation.renamed', at(4), conversation(name)),
  ]);
  await send(demo, 'conversation.renamed', at(1.5), conversation('A late, old name'));

  // After handing over the bot may rename the chat no more: the names have to be there first.
  const found = await until(async () => {
    const known = await findConversation(api, id);
    return known?.name.applied === name && known;
  });
  await api.put(`/conversations/${found.id}/companion`, { memberUserIds: MEMBERS, ownerUserId: OWNER });
  return { id, name, text };
}

async function findConversation(api: AxiosInstance, externalId: string): Promise<Conversation | undefined> {
  const { data } = await api.get<{ items: Conversation[] }>('/conversations', { params: { externalId } });
  return data.items[0];
}

async function compare(
  demo: Demo,
  api: AxiosInstance,
  story: { id: string; name: string; text: string },
): Promise<Row[]> {
  const { data: state } = await axios.get<PortalState>(`${demo.controlUrl}/state`);
  const dialogs = state.dialogs.filter((dialog) => dialog.externalChatId === story.id);
  const [dialog] = dialogs;
  // Known by its key: an earlier story left chats under the same name.
  const known = await findConversation(api, story.id);
  const companion = state.companions.find((chat) => chat.chatId === known?.companion.chatId);
  const companions = state.companions.filter(
    (chat) => chat.entityId === companion?.entityId && chat.title === story.name,
  );
  const texts = dialog?.messages.filter((message) => message.text === story.text) ?? [];
  return [
    { what: 'dialogs of the conversation', wanted: '1', shown: String(dialogs.length) },
    { what: 'title of the dialog', wanted: story.name, shown: dialog?.title ?? '-' },
    { what: 'its first message', wanted: `1 x ${story.text}`, shown: `${texts.length} x ${texts[0]?.text ?? '-'}` },
    { what: 'companion chats under that name', wanted: '1', shown: String(companions.length) },
    {
      what: 'their members',
      wanted: MEMBERS.join(', '),
      shown: MEMBERS.filter((id) => companion?.members.includes(id)).join(', '),
    },
    { what: 'owner of the companion', wanted: String(OWNER), shown: String(companion?.owner ?? '-') },
  ];
}

function print(rows: readonly Row[]): void {
  const width = (pick: (row: Row) => string): number => Math.max(...rows.map((row) => pick(row).length));
  const [what, wanted] = [width((row) => row.what), width((row) => row.wanted)];
  console.log(`\n   ${'what'.padEnd(what)}  ${'the messenger wanted'.padEnd(wanted)}  the portal shows`);
  for (const row of rows) {
    const mark = row.wanted === row.shown ? 'ok' : 'NO';
    console.log(`${mark} ${row.what.padEnd(what)}  ${row.wanted.padEnd(wanted)}  ${row.shown}`);
  }
}

async function main(): Promise<void> {
  const known = await running();
  const child = known ? undefined : await startGateway();
  try {
    const demo = known ?? (await until(running));
    const api = axios.create({
      baseURL: `${demo.gatewayUrl}/admin/v1`,
      headers: { authorization: `Bearer ${demo.apiKey}` },
    });
    console.log(`Playing the story against ${demo.gatewayUrl}`);
    const story = await playStory(demo, api);
    await until(async () => {
      const conversation = await findConversation(api, story.id);
      const isReady = conversation?.companion.state === 'ready' && conversation.companion.ownerUserId === OWNER;
      return conversation?.name.applied === story.name && isReady && conversation;
    }).catch((error: unknown) => console.error(String(error)));
    const rows = await compare(demo, api, story);
    print(rows);
    if (rows.some((row) => row.wanted !== row.shown)) process.exitCode = 1;
  } finally {
    if (child && child.exitCode === null) {
      child.kill('SIGTERM');
      await once(child, 'exit');
    }
  }
}

await main();
