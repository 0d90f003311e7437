import axios from 'axios';
import { createSandbox } from '../src/sandbox/sandbox.ts';
import { buildQuery } from '../src/sandbox/php/query.ts';
import { setTimeout as sleep } from 'node:timers/promises';
import { percentile, startDatabase, startGateway } from './parts.ts';

/** How long Bitrix24 waits for the answer to an event, which comes after the insert: slow handlers are called less. */

const EVENTS = 2_000;
const WARM_UP = 200;
/** A busy portal, far more than its queue service sends to one handler at a time. */
const AT_ONCE = 4;

export interface PortalEventsResult {
  p50: number;
  p99: number;
  refused: number;
}

export async function portalEvents(): Promise<PortalEventsResult> {
  const database = await startDatabase();
  const databaseUrl = await database.migrated('events');
  const sandbox = await createSandbox();
  const portal = await sandbox.addPortal({ memberId: 'bench', plan: 'enterprise' });
  const application = sandbox.addApplication({ clientId: 'local.bench' });
  const gateway = await startGateway(databaseUrl, { sandbox, clientSecret: application.clientSecret });
  portal.install({ ...application, eventsUrl: `${gateway.url}/bitrix24/events` });
  while (portal.state().connectors.length === 0) await sleep(20);
  const connector = portal.state().connectors[0]?.id ?? '';
  const token = portal.state().installations[0]?.applicationToken ?? '';

  const times: number[] = [];
  let refused = 0;
  let next = 0;
  async function sender(): Promise<void> {
    while (next < EVENTS + WARM_UP) {
      const number = next++;
      const message = {
        im: { chat_id: 1763 + (number % 50), message_id: 86_497 + number },
        message: { user_id: 27, text: `[b]Clara Lindt:[/b] [br]Reply ${number}` },
        chat: { id: `c-${number % 50}` },
      };
      const auth = { member_id: portal.memberId, application_token: token };
      const data = { CONNECTOR: connector, LINE: 1, MESSAGES: [message] };
      const form = buildQuery({ event: 'ONIMCONNECTORMESSAGEADD', data, ts: 1_760_000_000, auth });
      const startedAt = performance.now();
      const { status } = await axios.post(`${gateway.url}/bitrix24/events`, form, { validateStatus: () => true });
      if (number >= WARM_UP) times.push(performance.now() - startedAt);
      if (status !== 200) refused += 1;
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, sender));
  await gateway.stop();
  await sandbox.close();
  await database.close();
  return { p50: percentile(times, 0.5), p99: percentile(times, 0.99), refused };
}
