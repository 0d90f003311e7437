import type { Prisma } from '../../db/database.ts';
import { RequestError } from '../../kit/errors.ts';
import type { OutboxTx } from '../../outbox/job.ts';
import { archive } from '../companionArchive.ts';
import { type ConversationContext, convergeTitles, lockConversation } from '../conversations.ts';
import type { ConversationKind } from '../model.ts';
import { decideName } from '../nameDecision.ts';
import { adoptDialog, resync } from '../resync.ts';
import { oneLine } from '../titles.ts';
import { portalChatId } from '../translate.ts';
import type { Administration, Page } from './deps.ts';
import { inOrder, type Order } from './listing.ts';
import { noSuch, unknownReference } from './refusals.ts';

const withCompanion = { companion: { include: { bot: true } } } satisfies Prisma.ConversationInclude;

export type ConversationRow = Prisma.ConversationGetPayload<{ include: typeof withCompanion }>;

export interface ConversationFilter {
  channelId?: string | undefined;
  externalId?: string | undefined;
  nameState?: string | undefined;
  /** `none`: has no companion. */
  companionState?: string | undefined;
  /** Part of the name. */
  q?: string | undefined;
  order?: Order | undefined;
}

export function listConversations(
  { db }: Administration,
  filter: ConversationFilter,
  page: Page,
): Promise<ConversationRow[]> {
  const { channelId, externalId, nameState, companionState, q, order } = filter;
  const where: Prisma.ConversationWhereInput = {
    ...(channelId === undefined ? {} : { channelId }),
    ...(externalId === undefined ? {} : { externalId }),
    ...(nameState === undefined ? {} : { nameState }),
    ...(companionState === undefined ? {} : companionWhere(companionState)),
    ...(q === undefined ? {} : { wantedName: { contains: literally(q), mode: 'insensitive' } }),
  };
  return db.prisma.conversation.findMany({ ...inOrder(page, where, order), include: withCompanion });
}

const companionWhere = (state: string): Prisma.ConversationWhereInput =>
  state === 'none' ? { companion: null } : { companion: { state } };

/** Prisma hands `%` and `_` to LIKE as they are. */
const literally = (text: string): string => text.replaceAll(/[\\%_]/g, String.raw`\$&`);

export async function getConversation({ db }: Administration, id: string): Promise<ConversationRow> {
  const conversation = await db.prisma.conversation.findUnique({ where: { id }, include: withCompanion });
  if (!conversation) throw noSuch('conversation');
  return conversation;
}

export interface Mapping {
  channelId: string;
  externalId: string;
  name?: string | undefined;
  kind?: ConversationKind | undefined;
  externalUserId?: string | undefined;
}

/** Maps a conversation before the messenger speaks of it. A dialog it already has is found and adopted. */
export async function mapConversation(
  deps: Administration,
  { channelId, externalId, name, kind, externalUserId }: Mapping,
  requestId: string,
): Promise<ConversationRow> {
  const include = { connector: true };
  const channel = await deps.db.prisma.channel.findUnique({ where: { id: channelId }, include });
  if (!channel) throw unknownReference('/channelId', 'channel');
  const { messengerId, connector } = channel;
  const id = await deps.outbox.transaction(async (tx) => {
    const data = {
      channelId,
      messengerId,
      externalId,
      externalUserId: externalUserId ?? null,
      dialogKey: portalChatId(externalId),
      kind: kind ?? connector.kind,
      ...(name === undefined ? {} : { wantedName: oneLine(name), wantedNameAt: new Date(deps.clock.now()) }),
    };
    // An event of the messenger may be mapping the same conversation at this moment.
    const [row] = await tx.prisma.conversation.createManyAndReturn({ data: [data], skipDuplicates: true });
    if (!row) throw new RequestError('conflict', 'The conversation is mapped already');
    await adoptDialog(tx, row.id, requestId);
    return row.id;
  });
  return getConversation(deps, id);
}

export interface ConversationChange {
  name?: string | undefined;
  nameLocked?: boolean | undefined;
  channelId?: string | undefined;
}

export async function changeConversation(
  deps: Administration,
  id: string,
  { name, nameLocked, channelId }: ConversationChange,
  requestId: string,
): Promise<ConversationRow> {
  await deps.outbox.transaction(async (tx) => {
    const conversation = await lockConversation(tx, id);
    if (!conversation) throw noSuch('conversation');
    const decision = {
      ...(name === undefined ? {} : { name: oneLine(name) }),
      ...(nameLocked === undefined ? {} : { locked: nameLocked }),
    };
    const change = decideName(conversation, decision, new Date(deps.clock.now()));
    if (Object.keys(change).length > 0) await tx.prisma.conversation.update({ where: { id }, data: change });
    const moves = channelId !== undefined && channelId !== conversation.channelId;
    if (moves) await move(tx, conversation, channelId, requestId);
    const changed = await lockConversation(tx, id);
    if (changed) await convergeTitles(tx, changed, requestId);
  });
  return getConversation(deps, id);
}

/** Nothing is known of the dialog it has there. */
const NO_DIALOG = {
  chatId: null,
  sessionId: null,
  sessionOpen: false,
  bitrixUserId: null,
  appliedName: null,
  appliedTitle: null,
  appliedAt: null,
  nameError: null,
};

async function move(
  tx: OutboxTx,
  conversation: ConversationContext,
  channelId: string,
  requestId: string,
): Promise<void> {
  const { id, messengerId, companion } = conversation;
  const target = await tx.prisma.channel.findUnique({ where: { id: channelId } });
  if (target?.messengerId !== messengerId) throw unknownReference('/channelId', 'channel of this messenger');
  if (target.portalId !== conversation.channel.portalId) await leavePortal(tx, conversation);
  if (companion && target.portalId !== conversation.channel.portalId) {
    await tx.prisma.companion.delete({ where: { id: companion.id } });
  }
  await tx.prisma.conversation.update({ where: { id }, data: { ...NO_DIALOG, channelId } });
  await adoptDialog(tx, id, requestId);
}

/** Work that waits at the gate of one portal would overtake, or be overtaken by, what comes at the other's. */
async function leavePortal(tx: OutboxTx, { id, companion }: ConversationContext): Promise<void> {
  if (companion && companion.state !== 'archived') {
    throw new RequestError('conflict', 'The companion belongs to the other portal: archive it first');
  }
  // The farewell of an archived companion is whole in itself.
  const kind = { not: 'archiveCompanion' };
  const where = { conversationId: id, kind, state: { in: ['waiting', 'running'] } };
  if ((await tx.prisma.job.count({ where })) > 0) {
    throw new RequestError('conflict', 'Work for the other portal is still waiting: let it finish or cancel it');
  }
}

/** Forgets the mapping and its messages. The dialog stays as it is on the portal; the companion's chat is archived. */
export async function removeConversation({ outbox }: Administration, id: string, requestId: string): Promise<void> {
  await outbox.transaction(async (tx) => {
    const conversation = await lockConversation(tx, id);
    if (!conversation) throw noSuch('conversation');
    await archive(tx, conversation, { reason: 'administrator' }, requestId);
    await tx.prisma.conversation.delete({ where: { id } });
  });
}

/** Believes nothing any more: what is wanted is compared with the portal, and repaired where it differs. */
export async function resyncConversation(
  deps: Administration,
  id: string,
  requestId: string,
): Promise<ConversationRow> {
  await deps.outbox.transaction(async (tx) => {
    if (!(await resync(tx, id, requestId))) throw noSuch('conversation');
    // Now is now: nothing of it waits for its next try.
    await deps.outbox.hasten([id], tx);
  });
  return getConversation(deps, id);
}
