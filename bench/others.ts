import { setTimeout as sleep } from 'node:timers/promises';
import { B24OAuth } from '@bitrix24/b24jssdk';
import axios from 'axios';
import { close, createSite, seed, sendMany, type Site, tokenOf, until } from './portal.ts';

/**
 * The same renames on their way to a portal of the ordinary plan by three ways: through the gateway, one call after the
 * other as a simple script does it, and with the official SDK, which keeps the limits itself.
 */

const RENAMES = 200;
const METHOD = 'imconnector.chat.name.set';

export interface OthersResult {
  renames: number;
  /** Seconds from the first rename until the portal has the last name, and refusals for too many requests. */
  gateway: Way;
  oneByOne: Way;
  officialSdk: Way;
  /** How much longer than the gateway. */
  ratios: { oneByOne: number; officialSdk: number };
}

interface Way {
  seconds: number;
  requests: number;
  refused: number;
}

type Rename = (conversation: string, name: string) => Promise<unknown>;

/** A site of its own, whose portal has its whole bucket again after the seeding. */
async function site(): Promise<Site> {
  const made = await createSite('standard');
  await seed(made, RENAMES);
  await sleep(30_000);
  made.portal.ledger.clear();
  return made;
}

async function measure(made: Site, renameAll: () => Promise<void>): Promise<Way> {
  const startedAt = performance.now();
  await renameAll();
  await until(() => titles(made).every((title) => title.startsWith('Renamed ')));
  const seconds = (performance.now() - startedAt) / 1000;
  const calls = made.portal.ledger.entries({});
  return {
    seconds,
    requests: calls.filter(({ batchKey }) => batchKey === undefined || batchKey === null).length,
    refused: calls.filter(({ status }) => status === 503 || status === 429).length,
  };
}

const titles = ({ portal }: Site): string[] => portal.state().dialogs.map(({ title }) => title);
const names = Array.from({ length: RENAMES }, (_, n) => ({ conversation: `c-${n}`, name: `Renamed ${n}` }));
const fields = ({ connector }: Site, conversation: string, name: string): Record<string, string> => ({
  CONNECTOR: connector,
  LINE: '1',
  CHAT_ID: conversation,
  NAME: name,
});

async function inTurn(rename: Rename): Promise<void> {
  for (const { conversation, name } of names) await rename(conversation, name);
}

/** What a script does that has read about the limit: it waits a second when the portal says no. */
const scripted = (made: Site): Rename => {
  const auth = tokenOf(made);
  const rename: Rename = async (conversation, name) => {
    const url = `${made.portal.restUrl}${METHOD}`;
    const { status } = await axios.post(url, { auth, ...fields(made, conversation, name) }, { validateStatus: null });
    if (status === 200) return;
    await sleep(1_000);
    await rename(conversation, name);
  };
  return rename;
};

function withSdk(made: Site): Rename {
  const { portal } = made;
  const sdk = new B24OAuth(
    {
      ...{ applicationToken: '', userId: 1, memberId: portal.memberId, accessToken: tokenOf(made), refreshToken: '' },
      ...{ expires: Math.floor(Date.now() / 1000) + 3600, expiresIn: 3600, scope: '', domain: portal.domain },
      ...{ clientEndpoint: portal.restUrl, serverEndpoint: portal.restUrl, status: 'L' },
    },
    { clientId: 'local.bench', clientSecret: 'bench' },
  );
  sdk.offClientSideWarning();
  return (conversation, name) => sdk.actions.v2.call.make({ method: METHOD, params: fields(made, conversation, name) });
}

export async function others(): Promise<OthersResult> {
  const [ours, script, sdk] = await Promise.all([site(), site(), site()]);
  const gateway = await measure(ours, () => sendMany(ours, names));
  const [oneByOne, officialSdk] = await Promise.all([
    measure(script, () => inTurn(scripted(script))),
    measure(sdk, () => inTurn(withSdk(sdk))),
  ]);
  await Promise.all([ours, script, sdk].map((made) => close(made)));
  const ratios = {
    oneByOne: oneByOne.seconds / gateway.seconds,
    officialSdk: officialSdk.seconds / gateway.seconds,
  };
  return { renames: RENAMES, gateway, oneByOne, officialSdk, ratios };
}
