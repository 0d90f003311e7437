import { userCode } from '../bitrix24/openLines.ts';
import type { Prisma } from '../db/database.ts';
import type { OutboxTx } from '../outbox/job.ts';
import { convergeCompanion, convergeName } from './jobs.ts';
import type { CompanionPolicy, NameState } from './model.ts';
import { renderTitle, type TitleFacts } from './titles.ts';

/** A conversation with everything that decides what happens to it. */
export const withContext = {
  channel: { include: { portal: true, connector: true } },
  messenger: true,
  companion: { include: { bot: true } },
} satisfies Prisma.ConversationInclude;

export type ConversationContext = Prisma.ConversationGetPayload<{ include: typeof withContext }>;

const titleFacts = (conversation: ConversationContext): TitleFacts => ({
  name: conversation.wantedName,
  id: conversation.externalId,
  messenger: conversation.messenger.name,
  topic: conversation.topic,
});

/** The title the dialog shall have; undefined while the conversation has no name. */
export const wantedTitle = (conversation: ConversationContext): string | undefined =>
  renderTitle(conversation.channel.titleTemplate, titleFacts(conversation));

export const companionPolicy = (conversation: ConversationContext): CompanionPolicy =>
  conversation.channel.companion as unknown as CompanionPolicy;

/** The title the companion shall have: its own, else the channel's template over the name, else the conversation's id. */
export function wantedCompanionTitle(conversation: ConversationContext): string {
  const { companion } = conversation;
  const facts = titleFacts(conversation);
  const own = companion?.title ? renderTitle('{name}', { ...facts, name: companion.title }) : undefined;
  return (
    own ??
    renderTitle(companionPolicy(conversation).titleTemplate, { ...facts, name: facts.name ?? facts.id }) ??
    facts.id
  );
}

/**
 * The portal's key of the dialog (contract imconnector §2); undefined for a direct one while we do not know the
 * portal's own id of the person.
 */
export function dialogUserCode(of: {
  channel: { connector: { code: string; kind: string }; lineId: number };
  dialogKey: string;
  bitrixUserId: string | null;
}): string | undefined {
  const { connector, lineId } = of.channel;
  const bitrixUserId = connector.kind === 'group' ? '0' : of.bitrixUserId;
  if (bitrixUserId === null) return undefined;
  return userCode({ connector: connector.code, line: String(lineId), chatId: of.dialogKey, bitrixUserId });
}

/** Locks the row: everything that changes a conversation goes through here, one transaction at a time. */
export async function lockConversation(tx: OutboxTx, id: string): Promise<ConversationContext | undefined> {
  await tx.sql.rows('select 1 as locked from conversation where id = $1::uuid for update', id);
  return readLocked(tx, id);
}

/** The same by the id the messenger knows it by, or knew it by before a migration: late events still carry that. */
export async function lockConversationOf(
  tx: OutboxTx,
  messengerId: string,
  externalId: string,
): Promise<ConversationContext | undefined> {
  const lock = (condition: string): Promise<{ id: string }[]> =>
    tx.sql.rows(
      `select id::text as id from conversation where messenger_id = $1::uuid and ${condition} for update`,
      messengerId,
      externalId,
    );
  const [row] = await lock('external_id = $2');
  const [found] = row ? [row] : await lock('previous_ids @> array[$2]');
  return found && readLocked(tx, found.id);
}

const readLocked = async (tx: OutboxTx, id: string): Promise<ConversationContext | undefined> =>
  (await tx.prisma.conversation.findUnique({ where: { id }, include: withContext })) ?? undefined;

export const portalJob = (
  conversation: ConversationContext,
  requestId: string | undefined,
): { gateId: string; portalId: string; conversationId: string; requestId?: string } => ({
  gateId: conversation.channel.portal.gateId.toString(),
  portalId: conversation.channel.portalId,
  conversationId: conversation.id,
  ...(requestId === undefined ? {} : { requestId }),
});

/** Of what goes to the messenger: at a gate of its own, so that paused deliveries hold up nothing that comes in. */
export const messengerJob = (
  conversation: ConversationContext,
  requestId: string | undefined,
): { gateId: string; portalId: string; conversationId: string; requestId?: string } => ({
  ...portalJob(conversation, requestId),
  gateId: conversation.messenger.deliveryGateId.toString(),
});

/**
 * To be called after anything a title is made of may have changed: compares wanted with applied, and queues
 * whatever is not equal yet. Cheap when nothing is to be done.
 */
export async function convergeTitles(
  tx: OutboxTx,
  conversation: ConversationContext,
  requestId: string | undefined,
  { dialogExists = conversation.chatId !== null }: { dialogExists?: boolean } = {},
): Promise<void> {
  const nameState = nameStateOf(conversation, dialogExists);
  await setNameState(tx, conversation, nameState);
  const job = portalJob(conversation, requestId);
  if (nameState === 'pending') {
    await tx.enqueue([convergeName({ ...job, payload: { conversationId: conversation.id } })]);
  }
  const { companion } = conversation;
  const alive = companion?.state === 'pending' || companion?.state === 'ready';
  if (companion && alive && companion.appliedTitle !== wantedCompanionTitle(conversation)) {
    await tx.enqueue([convergeCompanion(companion.key, { ...job, payload: { companionId: companion.id } })]);
  }
}

function nameStateOf(conversation: ConversationContext, dialogExists: boolean): NameState {
  const title = wantedTitle(conversation);
  const isEqual = title === undefined || title === conversation.appliedTitle;
  if (isEqual && (dialogExists || conversation.appliedTitle !== null)) return 'applied';
  return dialogExists ? 'pending' : 'waitingForDialog';
}

async function setNameState(tx: OutboxTx, conversation: ConversationContext, state: NameState): Promise<void> {
  if (conversation.nameState === state) return;
  await tx.prisma.conversation.update({ where: { id: conversation.id }, data: { nameState: state } });
}
