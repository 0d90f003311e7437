import { isArray, isSet, toText, type Params } from '../../../php/values.ts';
import { refuse } from '../../../refusal.ts';
import { changeBot, changeProfile, DEFAULT_POSITION, dropEvents } from '../bots.ts';
import { knownColor } from '../colors.ts';
import { tokenIdentity } from '../identity.ts';
import { storeImage, type Image } from '../images.ts';
import { bots, type BotRow } from '../tables.ts';
import { fieldsArgument, isTrue } from './arguments.ts';
import type { BotCall } from './botCall.ts';
import { backgroundOf, checkCallback, propertiesOf, requireImage, TOKEN_LENGTH } from './botFields.ts';

type Change = { -readonly [Key in keyof BotRow]?: BotRow[Key] };

/** Checks everything, then changes everything; nothing sent is success too (contract imbot §5.2). */
export function updateBot(botCall: BotCall): BotRow {
  const { call, bot } = botCall;
  const fields = fieldsArgument(call.params);
  const properties = propertiesOf(fields);
  const image = requireImage(properties.avatar);
  const change: Change = { ...events(botCall, fields), ...flags(botCall, fields), ...rotation(botCall, fields) };
  if (isSet(fields.backgroundId)) change.backgroundId = backgroundOf(fields.backgroundId);
  const sent = fields.properties ?? fields.PROPERTIES;
  if (isArray(sent) && Object.keys(sent).length > 0) replaceProfile(botCall, properties, image);
  const color = knownColor(properties.color, botCall.revision);
  if (change.eventMode === 'webhook' && bot.eventMode === 'fetch') dropEvents(call.portal, bot.id);
  return changeBot(call.portal, bot.id, { ...change, ...(color ? { color } : {}) });
}

/** What is left out is wiped; only the name, the color and the picture survive being left out (contract imbot §5.2). */
function replaceProfile({ call, bot }: BotCall, properties: Params, image: Image | undefined): void {
  const name = toText(properties.name);
  changeProfile(call.portal, bot.id, {
    ...(name === '' ? {} : { name }),
    lastName: toText(properties.lastName),
    workPosition: toText(properties.workPosition) || DEFAULT_POSITION,
    gender: toText(properties.gender),
    ...(image ? { avatarUrl: storeImage(call.portal, image) } : {}),
  });
}

function flags({ revision }: BotCall, fields: Params): Change {
  const change: Change = {};
  for (const name of ['isHidden', 'isReactionsEnabled', 'isSupportOpenline'] as const) {
    if (isSet(fields[name])) change[name] = isTrue(fields[name], revision);
  }
  return change;
}

/** A bot of the legacy API that is switched speaks the new form from then on (contract imbot §13.3). */
function events({ bot }: BotCall, fields: Params): Change {
  const change: Change = {};
  const webhookUrl = toText(fields.webhookUrl);
  if (isSet(fields.eventMode)) {
    const mode = toText(fields.eventMode).toLowerCase();
    if (mode !== 'fetch' && mode !== 'webhook') refuse('BOT_INVALID_EVENT_MODE', 'Invalid event mode');
    if (mode === 'webhook') checkCallback(webhookUrl || bot.webhookUrl);
    change.eventMode = mode;
    change.handlers = null;
  }
  if (webhookUrl !== '') {
    checkCallback(webhookUrl);
    change.webhookUrl = webhookUrl;
  }
  return change;
}

/** The old token is dead with the answer (contract imbot §5.2). An application has no token to rotate. */
function rotation({ call, bot, revision }: BotCall, fields: Params): Change {
  const token = toText(fields.botToken);
  if (revision < 35 || call.application || token.trim() === '') return {};
  if (revision >= 36 && token.length > TOKEN_LENGTH) {
    refuse('BOT_TOKEN_INVALID_LENGTH', `Bot token must not be longer than ${TOKEN_LENGTH} characters`);
  }
  const appId = tokenIdentity(token);
  const others = bots(call.portal).values();
  if (others.some((other) => other.id !== bot.id && other.appId === appId && other.appId !== bot.appId)) {
    refuse('BOT_TOKEN_ROTATION_FAILED', 'Bot token rotation failed');
  }
  return { appId };
}
