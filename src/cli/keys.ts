import { CliError } from './api.ts';
import type { AddCommands, Context, ExitCode } from './command.ts';
import { timeText } from './output.ts';

interface ApiKey {
  id: string;
  name: string;
  scopes: string[];
  createdAt: string;
  revokedAt: string | null;
}

async function listKeys({ api, out }: Context): Promise<ExitCode> {
  const { items } = await api.list<ApiKey>('/api-keys', {}, 1_000);
  if (out.json) out.data(items);
  else {
    const rows = items.map(({ id, name, scopes, createdAt, revokedAt }) => [
      id,
      name,
      scopes.join(','),
      timeText(createdAt),
      timeText(revokedAt),
    ]);
    out.table(['KEY', 'NAME', 'SCOPES', 'CREATED (UTC)', 'REVOKED (UTC)'], rows, 'There are no keys.');
  }
  return 0;
}

async function createKey({ api, out }: Context, name: string, { scopes }: { scopes: string }): Promise<ExitCode> {
  const made = await api.post<ApiKey & { key: string }>('/api-keys', { name, scopes: scopes.split(',') });
  if (out.json) out.data(made);
  else out.line(`${made.key}\n\nThis is shown once. Revoke it with \`gateway keys revoke ${made.id}\`.`);
  return 0;
}

async function revokeKey({ api, out }: Context, idOrName: string): Promise<ExitCode> {
  const { items } = await api.list<ApiKey>('/api-keys', {}, 1_000);
  const found = items.filter(({ id, name, revokedAt }) => revokedAt === null && [id, name].includes(idOrName));
  if (found.length > 1) throw new CliError('Several keys have this name: take the id, from `gateway keys list`.');
  const [key] = found;
  if (!key) throw new CliError('There is no such key that is still valid: see `gateway keys list`.');
  await api.delete(`/api-keys/${key.id}`);
  if (out.json) out.data({ revoked: key.id });
  else out.line(`The key ${key.name} no longer works.`);
  return 0;
}

export const addKeyCommands: AddCommands = (program, run) => {
  const keys = program.command('keys').description('keys of the administration');
  keys.command('list').description('all keys, revoked ones too').action(run(listKeys));
  keys
    .command('create')
    .argument('<name>', 'whom it is for')
    .option('--scopes <list>', 'read, write or admin; several with commas', 'read')
    .description('make a key; it is shown once')
    .action(run(createKey));
  keys.command('revoke').argument('<key>', 'id or name').description('make a key worthless').action(run(revokeKey));
};
