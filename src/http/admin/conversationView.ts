import { z } from 'zod';
import type { ConversationRow } from '../../bridge/admin/conversations.ts';
import { chatId, chatIdOf, time, timeOf } from './fields.ts';

export const nameState = z.enum(['applied', 'pending', 'waitingForDialog', 'failed']);
export const companionState = z.enum(['none', 'pending', 'ready', 'failed', 'archived']);
export const kind = z.enum(['direct', 'group']);

const name = z
  .object({
    wanted: z.string().nullable(),
    applied: z.string().nullable(),
    state: nameState.meta({
      description:
        '`waitingForDialog`: there is no dialog or no open session in it; the next one brings the name along.',
    }),
    locked: z.boolean().meta({ description: 'Against the messenger; its newest name is kept for the unlocking' }),
    changedAt: time.nullable().meta({ description: 'When the wanted name was decided' }),
    appliedAt: time.nullable(),
    lastError: z.string().nullable(),
  })
  .meta({ id: 'ConversationName' });

const dialog = z
  .object({
    chatId: chatId.nullable().meta({ description: 'Null: not known yet' }),
    sessionOpen: z.boolean(),
    sessionId: chatId.nullable(),
    title: z.string().nullable().meta({ description: 'The title that was set last' }),
  })
  .meta({ id: 'Dialog', description: 'The Open Channel chat of the conversation' });

export const companionSummary = z
  .object({
    state: companionState,
    chatId: chatId.nullable(),
    dialogId: z
      .string()
      .nullable()
      .meta({ description: '`chat` and the number of the chat', examples: ['chat42'] }),
    title: z.string().nullable().meta({ description: 'The title it has; the wanted one while there is no chat' }),
    ownerUserId: z.int().nullable().meta({ description: 'Wanted. Null: the bot' }),
    memberUserIds: z.array(z.int()).meta({ description: 'Wanted' }),
    managerUserIds: z.array(z.int()).meta({ description: 'Wanted' }),
    unusableUserIds: z.array(z.int()).meta({ description: 'Wanted users the portal did not add' }),
    lastError: z.string().nullable().meta({
      description:
        'A code, such as `not_owner`, `owner_not_member`, `bot_removed`, `avatar_too_large` or `unsupported_by_portal`',
    }),
    lastErrorDetail: z.string().nullable().meta({ description: 'What cannot be done, or what to do about it' }),
  })
  .meta({ id: 'CompanionSummary' });

export const conversation = z
  .object({
    id: z.uuid(),
    channelId: z.uuid(),
    externalId: z.string().meta({ description: 'Id in the messenger' }),
    kind,
    externalUserId: z.string().nullable().meta({ description: 'The person a direct dialog belongs to' }),
    url: z.string().nullable(),
    avatarUrl: z.string().nullable(),
    topic: z.string().nullable(),
    name,
    dialog,
    companion: companionSummary,
    createdAt: time,
    closedAt: time.nullable(),
  })
  .meta({ id: 'Conversation', description: 'One chat of the messenger, mapped through a channel' });

export const presentConversation = (row: ConversationRow): unknown => ({
  id: row.id,
  channelId: row.channelId,
  externalId: row.externalId,
  kind: row.kind,
  externalUserId: row.externalUserId,
  url: row.url,
  avatarUrl: row.avatarUrl,
  topic: row.topic,
  name: {
    wanted: row.wantedName,
    applied: row.appliedName,
    state: row.nameState,
    locked: row.nameLocked,
    changedAt: timeOf(row.wantedNameAt),
    appliedAt: timeOf(row.appliedAt),
    lastError: row.nameError,
  },
  dialog: {
    chatId: chatIdOf(row.chatId),
    sessionOpen: row.sessionOpen,
    sessionId: chatIdOf(row.sessionId),
    title: row.appliedTitle,
  },
  companion: row.companion ? summarize(row.companion) : NO_COMPANION,
  createdAt: row.createdAt.toISOString(),
  closedAt: timeOf(row.closedAt),
});

const NO_COMPANION = {
  state: 'none',
  chatId: null,
  dialogId: null,
  title: null,
  ownerUserId: null,
  memberUserIds: [],
  managerUserIds: [],
  unusableUserIds: [],
  lastError: null,
  lastErrorDetail: null,
};

export const summarize = (row: NonNullable<ConversationRow['companion']>, wantedTitle?: string): object => ({
  state: row.state,
  chatId: chatIdOf(row.chatId),
  dialogId: row.chatId === null ? null : `chat${row.chatId}`,
  title: row.appliedTitle ?? wantedTitle ?? row.title,
  ownerUserId: row.ownerUserId,
  memberUserIds: row.memberUserIds,
  managerUserIds: row.managerUserIds,
  unusableUserIds: row.unusableUserIds,
  lastError: row.lastError,
  lastErrorDetail: row.lastErrorDetail,
});
