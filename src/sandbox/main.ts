import { parseArgs } from 'node:util';
import { createSandbox } from './sandbox.ts';

/** `npm run sandbox -- --port 8099 --state .data/sandbox.jsonl`: one portal, alone. */
async function main(): Promise<void> {
  const { values } = parseArgs({ options: { port: { type: 'string' }, state: { type: 'string' } } });
  const sandbox = await createSandbox({
    ...(values.port === undefined ? {} : { port: Number(values.port) }),
    ...(values.state === undefined ? {} : { stateFile: values.state }),
  });
  const portal = [...sandbox.portals.values()][0] ?? (await sandbox.addPortal({ memberId: 'sandbox' }));
  const lines = [
    `portal     ${portal.url}`,
    `REST       ${portal.restUrl}`,
    `OAuth      ${sandbox.oauthUrl}`,
    `member_id  ${portal.memberId}`,
    `control    ${portal.controlUrl}/state`,
  ];
  process.stdout.write(`${lines.join('\n')}\n`);
  const stop = () => void sandbox.close();
  process.once('SIGINT', stop);
  process.once('SIGTERM', stop);
}

await main();
