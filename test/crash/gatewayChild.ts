// One gateway process for the crash tests: the real wiring, with a clock that its parent pushes forward.
import { startGateway, type Settled } from '../../src/app.ts';
import { silentLogger } from '../../src/kit/logger.ts';

interface Start {
  config: Omit<Settled, 'encryptionKeys'> & { encryptionKeys: string[] };
  offsetMs: number;
}
type Message = { start: Start } | { advanceMs: number };

let offsetMs = 0;
const clock = { now: (): number => Date.now() + offsetMs };

process.on('message', (message: Message) => {
  if ('advanceMs' in message) {
    offsetMs += message.advanceMs;
    return;
  }
  offsetMs = message.start.offsetMs;
  const { config } = message.start;
  const encryptionKeys = config.encryptionKeys.map((key) => Buffer.from(key, 'base64'));
  startGateway({ ...config, encryptionKeys }, silentLogger, { clock }).then(
    ({ port }) => process.send?.({ port }),
    (error: unknown) => {
      console.error(error);
      process.exit(1);
    },
  );
});
process.on('disconnect', () => process.exit(0));
process.send?.({ ready: true });
