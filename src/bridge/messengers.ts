import type { Database } from '../db/database.ts';
import type { Clock } from '../kit/clock.ts';
import type { Vault } from '../kit/secrets.ts';

/** What the webhook door has to know of a messenger. */
export interface KnownMessenger {
  id: string;
  slug: string;
  gateId: string;
  preset: string;
  /** All webhook secrets that are valid now. */
  secrets: readonly string[];
}

export interface MessengerDirectory {
  find(slug: string): Promise<KnownMessenger | undefined>;
  /** Something of it was changed here. Other processes notice when their copy is too old. */
  forget(slug: string): void;
}

/** How long a change made in another process may stay unnoticed. */
const FRESH_MS = 2_000;
/** Guessed names must not fill the memory. */
const MAX_ENTRIES = 1_000;

/** Keeps messengers in memory, so that the signature of a webhook is checked before any database work. */
export function createMessengerDirectory(deps: { db: Database; vault: Vault; clock: Clock }): MessengerDirectory {
  const known = new Map<string, { messenger: Promise<KnownMessenger | undefined>; readAt: number }>();

  async function read(slug: string): Promise<KnownMessenger | undefined> {
    const now = new Date(deps.clock.now());
    const row = await deps.db.prisma.messenger.findUnique({
      where: { slug },
      include: {
        secrets: {
          where: { kind: 'webhook', OR: [{ expiresAt: null }, { expiresAt: { gt: now } }] },
          orderBy: { createdAt: 'desc' },
        },
      },
    });
    if (!row) return undefined;
    const secrets = row.secrets.map(({ secret }) => deps.vault.decrypt(secret));
    return { id: row.id, slug: row.slug, gateId: row.gateId.toString(), preset: row.preset, secrets };
  }

  return {
    find(slug) {
      const entry = known.get(slug);
      if (entry && deps.clock.now() - entry.readAt < FRESH_MS) return entry.messenger;
      // One reading for everybody who asks meanwhile. One that fails is not kept.
      const messenger = read(slug);
      messenger.catch(() => known.delete(slug));
      if (known.size >= MAX_ENTRIES) known.clear();
      known.set(slug, { messenger, readAt: deps.clock.now() });
      return messenger;
    },
    forget(slug) {
      known.delete(slug);
    },
  };
}
