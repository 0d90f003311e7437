import {
  type Applied,
  APPLIED,
  type EventContext,
  type EventOf,
  ignored,
  NOT_MAPPED,
  rememberPerson,
} from './effect.ts';
import { lockConversationOf } from './conversations.ts';
import { writeNote } from './notes.ts';
import { displayName } from './translate.ts';

/** Who is in a conversation. The portal knows no participants; a channel may want to be told of them in the dialog. */

type ParticipantEvent = EventOf<'participant.joined' | 'participant.left'>;

const told =
  (what: string) =>
  async (context: EventContext, { data }: ParticipantEvent): Promise<Applied> => {
    await rememberPerson(context, data.participant);
    const conversation = await lockConversationOf(context.tx, context.messengerId, data.conversation.id);
    if (!conversation) return NOT_MAPPED;
    if (!conversation.channel.notes) return { state: 'applied', note: 'the channel wants no notes' };
    // A note would open a session, and call an operator to nobody.
    if (!conversation.sessionOpen) return ignored('no session is open that could be told');
    await writeNote(context, conversation, `${displayName(data.participant)} ${what}`);
    return APPLIED;
  };

export const participantJoined = told('joined the conversation');
export const participantLeft = told('left the conversation');

export async function participantUpdated(
  context: EventContext,
  { data }: EventOf<'participant.updated'>,
): Promise<Applied> {
  await rememberPerson(context, data.participant);
  return { state: 'applied', note: 'the portal hears of it with the next message of this person' };
}
