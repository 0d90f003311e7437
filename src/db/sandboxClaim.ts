import pg from 'pg';

/** Any number that no one else locks with. */
const SANDBOX_LOCK = 72707370;
/** A process that was killed holds its claim until the database notices. */
const WAIT_FOR_CLAIM = '5s';
const LOCK_NOT_AVAILABLE = '55P03';

/**
 * In sandbox mode the portal lives in the gateway's own process, its state in a file, and the database knows its
 * address. A second process would move the portal to itself, and take it along when it ends: only one may have it.
 * The claim ends with the process, however that ends.
 * @throws Error where another process holds it
 */
export async function claimSandbox(connectionString: string): Promise<{ stop(): Promise<void> }> {
  const client = new pg.Client({ connectionString });
  // The connection may break while the database restarts; whoever started has started.
  client.on('error', () => undefined);
  await client.connect();
  try {
    await client.query(`SET lock_timeout = '${WAIT_FOR_CLAIM}'`);
    await client.query(`SELECT pg_advisory_lock(${SANDBOX_LOCK})`);
  } catch (error) {
    await client.end();
    if ((error as { code?: string }).code !== LOCK_NOT_AVAILABLE) throw error;
    throw new Error(
      'Another gateway with a sandbox portal runs on this database: stop it, or set another DATA_DIR (or DATABASE_URL).',
      { cause: error },
    );
  }
  return { stop: () => client.end() };
}
