import type { Method } from '../method.ts';
import { legacyBotMethods } from './legacy/botMethods.ts';
import { legacyChatMethods } from './legacy/chatMethods.ts';
import { legacyMemberMethods } from './legacy/memberMethods.ts';
import { legacyMessageMethods } from './legacy/messageMethods.ts';
import { botMethods } from './v2/botMethods.ts';
import { chatMethods } from './v2/chatMethods.ts';
import { eventMethods } from './v2/eventMethods.ts';
import { memberMethods } from './v2/memberMethods.ts';
import { messageMethods } from './v2/messageMethods.ts';
import { unknownActions } from './v2/unknownActions.ts';

/** Everything under `imbot.`, v2 and legacy. */
export const imbotMethods: readonly Method[] = [
  ...botMethods,
  ...chatMethods,
  ...memberMethods,
  ...messageMethods,
  ...eventMethods,
  ...unknownActions,
  ...legacyBotMethods,
  ...legacyChatMethods,
  ...legacyMemberMethods,
  ...legacyMessageMethods,
];
