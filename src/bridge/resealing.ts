import type { Sql } from '../db/database.ts';
import type { Logger } from '../kit/logger.ts';
import { createRounds } from '../kit/rounds.ts';
import type { Vault } from '../kit/secrets.ts';

/**
 * Seals stored secrets anew under the first ENCRYPTION_KEY, so that the keys behind it can be dropped. A process of
 * before the change may still seal under the old one, so it is done again and again; finding nothing costs little.
 */
export interface Resealing {
  start(): void;
  stop(): Promise<void>;
  /** One round. `unreadable`: no key fits; they are left as they are. */
  reseal(): Promise<{ resealed: number; unreadable: number }>;
  /** Secrets that are not under the first key. */
  stale(): Promise<number>;
}

const EVERY_MS = 15 * 60_000;
const PAGE = 200;

/** Where secrets are: as an expression, and how it is replaced by $1. */
interface Place {
  table: string;
  secret: string;
  replace: string;
  where?: string;
}

const column = (table: string, name: string): Place => ({ table, secret: name, replace: `${name} = $1` });
const ofJob = (kind: string, member: string): Place => ({
  table: 'job',
  secret: `payload ->> '${member}'`,
  replace: `payload = jsonb_set(payload, '{${member}}', to_jsonb($1::text))`,
  where: `kind = '${kind}'`,
});

const PLACES: readonly Place[] = [
  column('"grant"', 'access_token'),
  column('"grant"', 'refresh_token'),
  column('bot', 'token'),
  column('bot', 'next_token'),
  column('messenger_secret', 'secret'),
  ofJob('verifyInstall', 'sealed'),
  ofJob('removeBot', 'token'),
];

/** $1 prefix of what is sealed by the first key. */
const staleIn = ({ secret, where = 'true' }: Place): string => `${where} and not starts_with(${secret}, $1)`;

interface Stale {
  id: string;
  sealed: string;
}

export function createResealing({ sql, vault, log }: { sql: Sql; vault: Vault; log: Logger }): Resealing {
  let stopping = false;

  /** What was changed meanwhile was sealed meanwhile. */
  async function resealOne({ table, secret, replace }: Place, { id, sealed }: Stale): Promise<boolean> {
    let plain: string;
    try {
      plain = vault.decrypt(sealed);
    } catch {
      return false;
    }
    const update = `update ${table} set ${replace} where id::text = $2 and ${secret} = $3 returning 1 as done`;
    await sql.rows(update, vault.encrypt(plain), id, sealed);
    return true;
  }

  async function resealAll(place: Place): Promise<{ resealed: number; unreadable: number }> {
    const count = { resealed: 0, unreadable: 0 };
    const page = `
      select id::text as id, ${place.secret} as sealed from ${place.table}
      where ${staleIn(place)} and id::text > $2 order by id::text limit ${PAGE}`;
    for (let after = '', full = true; full && !stopping;) {
      const rows = await sql.rows<Stale>(page, vault.prefix, after);
      for (const row of rows) count[(await resealOne(place, row)) ? 'resealed' : 'unreadable']++;
      after = rows.at(-1)?.id ?? after;
      full = rows.length === PAGE;
    }
    return count;
  }

  async function reseal(): Promise<{ resealed: number; unreadable: number }> {
    const total = { resealed: 0, unreadable: 0 };
    for (const place of PLACES) {
      const { resealed, unreadable } = await resealAll(place);
      total.resealed += resealed;
      total.unreadable += unreadable;
    }
    if (total.resealed > 0) log.info('secrets.resealed', { count: total.resealed });
    if (total.unreadable > 0) log.error('secrets.unreadable', { count: total.unreadable });
    return total;
  }

  const rounds = createRounds(EVERY_MS, async () => {
    await reseal().catch((error: unknown) => log.warn('secrets.notResealed', { error }));
  });

  return {
    reseal,
    async stale() {
      const counts = PLACES.map((place) => `select count(*) as n from ${place.table} where ${staleIn(place)}`);
      const [row] = await sql.rows<{ n: number }>(
        `select sum(n)::int as n from (${counts.join(' union all ')}) c`,
        vault.prefix,
      );
      return row?.n ?? 0;
    },
    start() {
      rounds.start();
      void rounds.now();
    },
    async stop() {
      stopping = true;
      await rounds.stop();
    },
  };
}
