import type { Database } from '../db/database.ts';
import type { Clock } from '../kit/clock.ts';
import { DeliveryError, RequestError } from '../kit/errors.ts';
import type { Logger } from '../kit/logger.ts';
import type { Vault } from '../kit/secrets.ts';
import type { Egress } from '../messenger/egress.ts';
import type { FetchedFile, FileClient } from '../messenger/files.ts';
import type { Attachment } from '../messenger/payload.ts';
import { fileName } from './messageText.ts';
import { attachmentsOf, loadMessage, type MediaUrl, type MessageContext } from './outgoing.ts';

/**
 * Files that Bitrix24 cannot fetch by itself (behind credentials, in a private network) are fetched by the gateway:
 * the portal gets a link to the gateway that proves itself, and expires.
 */
export interface Media {
  /** Where the portal fetches a file: its own address where that is public, else the gateway's. */
  readonly url: MediaUrl;
  /** @throws RequestError not_found; media_unavailable when the file cannot be had or is not what it should be. */
  open(token: string, signal: AbortSignal): Promise<FetchedFile & { name: string }>;
}

/** The portal fetches during the call that names the link. */
const VALID_MS = 15 * 60_000;
export const MAX_MEDIA_BYTES = 200 * 1024 * 1024;

interface Ticket {
  /** Message. */
  m: string;
  /** Index of the attachment. */
  i: number;
  /** Expires, ms since the epoch. */
  e: number;
}

export function createMedia(deps: {
  db: Database;
  files: FileClient;
  egress: Egress;
  vault: Vault;
  clock: Clock;
  log: Logger;
  publicUrl: () => string;
}): Media {
  const { db, files, vault, clock, log } = deps;

  function ticketOf(token: string): Ticket {
    try {
      const ticket = JSON.parse(vault.decrypt(token)) as Ticket;
      if (ticket.e > clock.now()) return ticket;
    } catch {
      // Altered, or sealed with a key that is gone.
    }
    throw new RequestError('not_found', 'There is no such file, or the link has expired');
  }

  async function secretsFor({ conversation }: MessageContext, url: string): Promise<string[]> {
    const { deliveryUrl, id: messengerId } = conversation.messenger;
    if (deliveryUrl === null || new URL(deliveryUrl).origin !== new URL(url).origin) return [];
    const valid = { kind: 'delivery', OR: [{ expiresAt: null }, { expiresAt: { gt: new Date(clock.now()) } }] };
    const rows = await db.prisma.messengerSecret.findMany({ where: { messengerId, ...valid } });
    return rows.map(({ secret }) => vault.decrypt(secret));
  }

  async function fetchFor(message: MessageContext, file: Attachment, signal: AbortSignal): Promise<FetchedFile> {
    try {
      const signedBy = await secretsFor(message, file.url);
      return checked(await files.open(file.url, { id: `media_${message.id}`, signedBy, signal }), file);
    } catch (error) {
      if (!(error instanceof DeliveryError)) throw error;
      log.warn('media.unavailable', { messageId: message.id, code: error.code });
      throw new RequestError('media_unavailable', undefined, { reason: error.code });
    }
  }

  return {
    url(message, attachment, settings) {
      const proxied = settings.media === 'gateway' || !deps.egress.isPublic(attachment.url);
      if (!proxied) return attachment.url;
      const ticket: Ticket = {
        m: message.id,
        i: attachmentsOf(message).indexOf(attachment),
        e: clock.now() + VALID_MS,
      };
      const name = encodeURIComponent(fileName(attachment));
      return `${deps.publicUrl()}/media/${vault.encrypt(JSON.stringify(ticket))}/${name}`;
    },
    async open(token, signal) {
      const ticket = ticketOf(token);
      const message = await loadMessage(db, ticket.m);
      const file = message && attachmentsOf(message)[ticket.i];
      if (!message || !file || message.deletedAt !== null) throw new RequestError('not_found');
      return { ...(await fetchFor(message, file, signal)), name: fileName(file) };
    },
  };
}

/** A page that says "log in" or "not found" is not the picture it stands for. */
function checked(fetched: FetchedFile, file: Attachment): FetchedFile {
  const isPage = /^text\/html\b/i.test(fetched.contentType);
  const mayBePage = /html/i.test(file.mimeType ?? '') || /\.x?html?$/i.test(fileName(file));
  if (isPage && !mayBePage) throw unusable(fetched, 'html_page');
  if ((fetched.length ?? 0) > MAX_MEDIA_BYTES) throw unusable(fetched, 'file_too_large');
  return isPage || !/^application\/octet-stream\b/i.test(fetched.contentType) || file.mimeType === undefined
    ? fetched
    : { ...fetched, contentType: file.mimeType };
}

function unusable({ stream }: FetchedFile, code: string): DeliveryError {
  stream.destroy();
  return new DeliveryError({ verdict: 'refused', code, detail: 'the file is not what it should be' });
}
