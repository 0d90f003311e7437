import { createHash } from 'node:crypto';
import { PrismaPg } from '@prisma/adapter-pg';
import pg from 'pg';
import { Prisma, PrismaClient } from '../generated/prisma/client.ts';

export type { Prisma };

/** Runs one named statement with positional values; rows come back as plain objects. Cast ids to text in the SQL. */
export interface Sql {
  rows<Row>(text: string, ...values: readonly unknown[]): Promise<Row[]>;
}

/** Both ways to speak inside one transaction: Prisma for records, `sql` for the statements Prisma cannot say. */
export interface Tx {
  prisma: Prisma.TransactionClient;
  sql: Sql;
}

export interface Database {
  prisma: PrismaClient;
  sql: Sql;
  /** Commits when `work` resolves, rolls back when it throws; repeated when PostgreSQL broke a deadlock. */
  transaction<T>(work: (tx: Tx) => Promise<T>): Promise<T>;
  /** Calls back for what others notify on `channel`; reconnects by itself. Resolves when listening has begun. */
  listen(channel: string, onNotify: (payload: string) => void): Promise<Listening>;
  close(): Promise<void>;
}

export interface Listening {
  /** Tells everybody else who listens, one notice per payload. Rejects while the connection is lost. */
  notify(payloads: readonly string[]): Promise<void>;
  stop(): Promise<void>;
}

export interface DatabaseOptions {
  url: string;
  /** Connections of the pool. */
  connections?: number;
  onError?: (error: Error) => void;
}

const RECONNECT_AFTER_MS = 1000;
const TRANSACTION_TRIES = 4;

/** The same text always gets the same name, so PostgreSQL plans each statement once per connection. */
const names = new Map<string, string>();
function statementName(text: string): string {
  let name = names.get(text);
  if (!name) {
    name = `s${createHash('sha1').update(text).digest('hex').slice(0, 16)}`;
    names.set(text, name);
  }
  return name;
}

/** Deadlock (40P01) and serialisation failure (40001): PostgreSQL rolled everything back, so repeating is safe. */
function isBrokenByPostgres(error: unknown): boolean {
  const text = error instanceof Error ? `${(error as { code?: string }).code ?? ''} ${error.message}` : '';
  return /\b(40P01|40001|P2034)\b|deadlock detected/.test(text);
}

/** Does `work` again, `tries` times in all, where PostgreSQL rolled it back to break a deadlock. */
export async function despiteDeadlocks<T>(tries: number, work: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work();
    } catch (error) {
      if (attempt >= tries || !isBrokenByPostgres(error)) throw error;
    }
  }
}

const GONE =
  /ECONNREFUSED|ECONNRESET|EPIPE|ETIMEDOUT|ENOTFOUND|\b(?:57P0[123]|53300|08[0-9A-Z]{3}|P1001|P1002|P1017|P2024|P2028)\b|Connection terminated|timeout exceeded when trying to connect|Server has closed the connection|Can't reach database|the database system is|DatabaseNotReachable|ConnectionClosed|SocketTimeout/i;

/** Whether an error means that the database cannot be reached now, rather than that it refused the statement. */
export function isDatabaseGone(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const { code, cause, errors } = error as { code?: unknown; cause?: unknown; errors?: unknown };
  if (typeof code === 'string' && GONE.test(code)) return true;
  if (GONE.test(error.message)) return true;
  if (Array.isArray(errors) && errors.some(isDatabaseGone)) return true;
  return isDatabaseGone(cause);
}

export function createDatabase(options: DatabaseOptions): Database {
  const pool = new pg.Pool({
    connectionString: options.url,
    max: options.connections ?? 12,
    connectionTimeoutMillis: 5_000,
    keepAlive: true,
  });
  // Without a listener an idle connection that breaks would end the process.
  pool.on('error', (error) => options.onError?.(error));
  const prisma = new PrismaClient({
    adapter: new PrismaPg(pool, { statementNameGenerator: (query) => statementName(query.sql) }),
  });

  const sql: Sql = {
    async rows<Row>(text: string, ...values: readonly unknown[]) {
      const result = await pool.query({ name: statementName(text), text, values: [...values] });
      return result.rows as Row[];
    },
  };

  async function transactionOnce<T>(work: (tx: Tx) => Promise<T>): Promise<T> {
    return prisma.$transaction(
      async (client) =>
        work({ prisma: client, sql: { rows: (text, ...values) => client.$queryRawUnsafe(text, ...values) } }),
      { timeout: 30_000, maxWait: 30_000 },
    );
  }

  return {
    prisma,
    sql,
    transaction: (work) => despiteDeadlocks(TRANSACTION_TRIES, () => transactionOnce(work)),
    listen: (channel, onNotify) => listen(options, channel, onNotify),
    async close() {
      await prisma.$disconnect();
      if (!pool.ended) await pool.end();
    },
  };
}

async function listen(
  options: DatabaseOptions,
  channel: string,
  onNotify: (payload: string) => void,
): Promise<Listening> {
  let closed = false;
  let client: pg.Client | undefined;
  let listening: pg.Client | undefined;
  let timer: NodeJS.Timeout | undefined;

  async function connect(): Promise<void> {
    const next = new pg.Client({ connectionString: options.url, keepAlive: true });
    next.on('notification', ({ processId, payload = '' }) => {
      if (processId !== backendOf(next)) onNotify(payload);
    });
    next.on('error', (error) => {
      options.onError?.(error);
      reconnectLater(next);
    });
    next.on('end', () => reconnectLater(next));
    client = next;
    await next.connect();
    await next.query(`LISTEN ${pg.escapeIdentifier(channel)}`);
    listening = next;
  }
  /** A connection that was replaced may still report its end. */
  function reconnectLater(lost: pg.Client | undefined): void {
    if (lost !== client) return;
    listening = undefined;
    if (closed || timer) return;
    timer = setTimeout(() => {
      timer = undefined;
      connect().catch(() => reconnectLater(client));
    }, RECONNECT_AFTER_MS);
  }

  await connect();
  return {
    async notify(payloads) {
      const text = 'select pg_notify($1, payload) from jsonb_array_elements_text($2::jsonb) as t(payload)';
      if (!listening) throw new Error('the connection that listens is lost');
      await listening.query({ name: 'notify', text, values: [channel, JSON.stringify(payloads)] });
    },
    async stop() {
      closed = true;
      clearTimeout(timer);
      await client?.end().catch(() => undefined);
    },
  };
}

/** The server process of a connection, which PostgreSQL names as the sender of its notices; pg does not type it. */
const backendOf = (client: pg.Client): unknown => (client as unknown as { processID?: number }).processID;
