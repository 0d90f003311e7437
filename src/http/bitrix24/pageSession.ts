import { z } from 'zod';
import type { Clock } from '../../kit/clock.ts';
import { RequestError } from '../../kit/errors.ts';
import type { Vault } from '../../kit/secrets.ts';

/** Who may save the settings page of which line: an administrator the OAuth server vouched for when it was opened. */
export interface PageSession {
  portalId: string;
  connector: string;
  lineId: number;
}

/**
 * A sealed text in the page itself. Inside the frame of a portal a cookie would be a third party's, which browsers drop
 * (contract platform §6.2).
 */
export interface PageSessions {
  issue(session: PageSession): string;
  /** @throws RequestError unauthorized */
  read(token: string): PageSession;
}

/** Long enough to choose, short enough that a copied page is soon worth nothing. */
const LIFE_MS = 30 * 60_000;
const PURPOSE = 'line-settings';

const sealed = z.object({
  purpose: z.literal(PURPOSE),
  until: z.number(),
  session: z.object({ portalId: z.uuid(), connector: z.string(), lineId: z.int() }),
});

export function createPageSessions({ vault, clock }: { vault: Vault; clock: Clock }): PageSessions {
  return {
    issue: (session) => vault.encrypt(JSON.stringify({ purpose: PURPOSE, until: clock.now() + LIFE_MS, session })),
    read(token) {
      const content = open(vault, token);
      if (!content || content.until <= clock.now()) {
        throw new RequestError('unauthorized', 'This page was opened too long ago: open it again');
      }
      return content.session;
    },
  };
}

function open(vault: Vault, token: string): z.output<typeof sealed> | undefined {
  try {
    return sealed.parse(JSON.parse(vault.decrypt(token)));
  } catch {
    return undefined;
  }
}
