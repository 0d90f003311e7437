import { type Scene, startScene } from '../test/support/scene.ts';
import { startDatabase } from './parts.ts';

/** A day on the virtual clock: an ordinary portal, changing load, and not one request more than its limits allow. */

const HOURS = 24;
const STEP_MS = 60_000;
const CONVERSATIONS = 200;

export interface SoakResult {
  hours: number;
  portalRequests: number;
  /** 503 and 429 the portal answered. */
  refused: number;
  renames: number;
  wrongTitles: number;
}

export async function soak(): Promise<SoakResult> {
  const database = await startDatabase();
  const databaseUrl = await database.migrated('soak');
  const scene = await startScene({ databaseUrl, plan: 'standard' });
  const names = new Map<string, string>();
  let renames = 0;
  for (let n = 0; n < CONVERSATIONS; n += 20) {
    await Promise.all(Array.from({ length: 20 }, (_, k) => scene.say(`c-${n + k}`, 'm-0', 'Hello')));
    await scene.elapse(STEP_MS);
    await scene.idle();
  }
  scene.portal.ledger.clear();
  const steps = (HOURS * 3_600_000) / STEP_MS;
  for (let step = 0; step < steps; step++) {
    renames += await minute(scene, step, names);
    await scene.elapse(STEP_MS);
    if (step % 120 === 119) console.log(`  ${(step + 1) / 60} of ${HOURS} hours`);
  }
  await scene.elapse(STEP_MS);
  await scene.idle();
  const calls = scene.portal.ledger.entries({});
  const titles = new Map(scene.portal.state().dialogs.map(({ externalChatId, title }) => [externalChatId, title]));
  const wrongTitles = [...names].filter(([id, name]) => titles.get(id) !== name).length;
  const refused = calls.filter(({ status }) => status === 503 || status === 429).length;
  const portalRequests = calls.filter(({ batchKey }) => batchKey === undefined || batchKey === null).length;
  await scene.close();
  await database.close();
  return { hours: HOURS, portalRequests, refused, renames, wrongTitles };
}

/** Quiet minutes, busy ones, and every so often everything at once. */
async function minute(scene: Scene, step: number, names: Map<string, string>): Promise<number> {
  const count = step % 60 === 0 ? CONVERSATIONS : step % 7 === 0 ? 20 : step % 3 === 0 ? 2 : 0;
  for (let n = 0; n < count; n++) {
    const id = `c-${(step * 13 + n) % CONVERSATIONS}`;
    const name = `${id} at ${step}`;
    names.set(id, name);
    await scene.rename(id, name);
  }
  if (step % 5 === 0) await scene.say(`c-${step % CONVERSATIONS}`, `m-${step}`, 'Again');
  return count;
}
