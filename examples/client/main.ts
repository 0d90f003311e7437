// npm run example:client: lists the conversations of a running gateway, and renames the first one.
// Reads the demo file of `npm start`; GATEWAY_URL and API_KEY name another gateway.
import { readFile } from 'node:fs/promises';
import { connect, type Conversation, conversations, rename } from './client.ts';

const MARK = ' ✓';

async function target(): Promise<{ url: string; key: string }> {
  const { GATEWAY_URL, API_KEY, DEMO_FILE = '.data/demo.json' } = process.env;
  if (GATEWAY_URL && API_KEY) return { url: GATEWAY_URL, key: API_KEY };
  const text = await readFile(DEMO_FILE, 'utf8').catch(() => {
    console.error(`There is no ${DEMO_FILE}: run npm start first, or set GATEWAY_URL and API_KEY (or DEMO_FILE).`);
    process.exit(1);
  });
  const demo = JSON.parse(text) as { gatewayUrl: string; apiKey: string };
  return { url: demo.gatewayUrl, key: demo.apiKey };
}

const { url, key } = await target();
const gateway = connect(url, key);

let first: Conversation | undefined;
for await (const conversation of conversations(gateway)) {
  first ??= conversation;
  const { name, companion, externalId } = conversation;
  console.log(`${externalId}\t${name.wanted ?? '(no name)'}\t${name.state}\tcompanion: ${companion.state}`);
}
if (!first) console.log('There is no conversation yet: npm run demo makes some.');
else {
  const changed = await rename(gateway, first.id, ({ name, externalId }) => {
    const now = name.wanted ?? externalId;
    return now.endsWith(MARK) ? now.slice(0, -MARK.length) : now + MARK;
  });
  console.log(`${changed.externalId} is to be called: ${changed.name.wanted ?? ''}`);
}
