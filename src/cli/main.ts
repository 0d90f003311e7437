import { Command, CommanderError } from 'commander';
import { CliError, createApi } from './api.ts';
import type { AddCommands } from './command.ts';
import { addImportCommand } from './import.ts';
import { addJobCommands } from './jobs.ts';
import { addKeyCommands } from './keys.ts';
import { createOutput } from './output.ts';
import { addPortalCommands } from './portals.ts';
import { addRunCommands } from './runs.ts';

/** `gateway <command>`: the administration of a running gateway, over its REST API alone. Reads the environment. */

const FAILED = 2;

interface Settings {
  url: string;
  key?: string;
  json?: boolean;
}

function readDotEnv(): void {
  try {
    process.loadEnvFile();
  } catch {
    // There is no .env, and none is needed.
  }
}

function createProgram({ env }: NodeJS.Process): Command {
  const port = env.PORT?.trim() || '3000';
  const url = env.GATEWAY_URL?.trim() || `http://127.0.0.1:${port}`;
  const program = new Command('gateway')
    .description('Administers a running Open Channel Gateway.')
    .option('--url <address>', 'address of the gateway; also GATEWAY_URL', url)
    .option('--key <key>', 'administration key; also ADMIN_API_KEY, in the environment or in .env')
    .option('--json', 'for programs: one JSON document')
    .addHelpText('after', '\nExit codes: 0 all is well, 1 something is wrong and was shown, 2 it could not be done.')
    .showHelpAfterError('Try --help.')
    .exitOverride();
  const run: Parameters<AddCommands>[1] =
    (action) =>
    async (...args) => {
      const { url: address, key = env.ADMIN_API_KEY?.trim() || undefined, json = false } = program.opts<Settings>();
      const context = {
        api: createApi({ url: address.replace(/\/+$/, ''), key }),
        out: createOutput(process.stdout, { json }),
      };
      process.exitCode = await action(context, ...args);
    };
  for (const add of [addPortalCommands, addJobCommands, addImportCommand, addRunCommands, addKeyCommands]) {
    add(program, run);
  }
  return program;
}

// Whoever read the output may have seen enough (`gateway jobs | head`).
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit();
});

readDotEnv();
try {
  await createProgram(process).parseAsync();
} catch (error) {
  // Commander has said already what is wrong with the words of a command, or shown its help.
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? 0 : FAILED;
  else {
    process.exitCode = FAILED;
    process.stderr.write(`${error instanceof CliError ? error.message : String(error)}\n`);
  }
}
