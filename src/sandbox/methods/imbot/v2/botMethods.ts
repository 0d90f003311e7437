import { toInt, toText, type Params } from '../../../php/values.ts';
import { refuse } from '../../../refusal.ts';
import type { Method, MethodCall } from '../../method.ts';
import { botByCode, botsOf, createBot, removeBot } from '../bots.ts';
import { identityOf, tokenIdentity } from '../identity.ts';
import { bots, revisionOf, type BotRow } from '../tables.ts';
import { eitherCase, fieldsArgument, isTrue, optionalInt } from './arguments.ts';
import {
  backgroundOf,
  checkCallback,
  isBotType,
  newProfile,
  propertiesOf,
  requireImage,
  TOKEN_LENGTH,
} from './botFields.ts';
import { actAsBot, OK, requireIdentity, v2Method } from './botCall.ts';
import { updateBot } from './botUpdate.ts';
import { botView, usersView } from './views.ts';

export const botMethods: readonly Method[] = [
  v2Method('Bot.register', register),
  v2Method('Bot.update', (call) => answer(call, updateBot(ownBot(call)))),
  v2Method('Bot.unregister', unregister),
  v2Method('Bot.get', get),
  v2Method('Bot.list', list),
];

/** Bots an application may have in the cloud (contract imbot §5.1). */
const MAX_BOTS = 100;
const CODE_LENGTH = 50;

/** The Bot controller had a name of its own for a missing token until revision 34 (contract imbot §2.2). */
function identity(call: MethodCall, more: readonly unknown[] = []): string {
  if (revisionOf(call.portal) < 34 && identityOf(call, more) === '') {
    refuse('CLIENT_ID_NOT_SPECIFIED', 'Client ID not specified');
  }
  return requireIdentity(call, more);
}

function ownBot(call: MethodCall) {
  return actAsBot(call, identity(call));
}

/** Gives a bot of the caller back unchanged: registering does not update (contract imbot §5.1, §18.7). */
function register(call: MethodCall) {
  const fields = fieldsArgument(call.params);
  const appId = identity(call, [fields.botToken, fields.BOT_TOKEN]);
  const revision = revisionOf(call.portal);
  if (revision >= 36 && !call.application && appId.length > tokenIdentity('x'.repeat(TOKEN_LENGTH)).length) {
    refuse('BOT_TOKEN_INVALID_LENGTH', `Bot token must not be longer than ${TOKEN_LENGTH} characters`);
  }
  const code = toText(eitherCase(fields, 'code'));
  if (code === '') refuse('BOT_CODE_REQUIRED', 'Bot code is required');
  const properties = propertiesOf(fields);
  if (toText(eitherCase(properties, 'name')) === '') refuse('BOT_PROPERTIES_REQUIRED', 'Bot properties are required');
  const { eventMode, webhookUrl } = eventsWanted(fields, revision);
  const existing = botByCode(call.portal, code);
  if (existing) {
    if (existing.appId !== appId) refuse('BOT_CODE_ALREADY_TAKEN', 'Bot with this code already exists');
    return answer(call, existing);
  }
  checkNew(call, appId, fields);
  if (eventMode === 'webhook') checkCallback(webhookUrl);
  return answer(call, create(call, { appId, code, fields, properties, eventMode, webhookUrl }));
}

function eventsWanted(fields: Params, revision: number) {
  const eventMode = toText(eitherCase(fields, 'eventMode') ?? 'fetch').toLowerCase();
  const webhookUrl = toText(eitherCase(fields, 'webhookUrl'));
  if (eventMode !== 'fetch' && eventMode !== 'webhook') refuse('BOT_INVALID_EVENT_MODE', 'Invalid event mode');
  if (eventMode === 'webhook' && webhookUrl === '') {
    refuse('BOT_WEBHOOK_URL_REQUIRED', 'Webhook URL is required for webhook event mode');
  }
  if (eventMode === 'webhook' && revision >= 35) checkCallback(webhookUrl);
  return { eventMode, webhookUrl } as const;
}

function checkNew(call: MethodCall, appId: string, fields: Params): void {
  const isCloud = call.portal.row().profile === 'cloud';
  if (isCloud && botsOf(call.portal, appId).length >= MAX_BOTS) {
    refuse('BOT_LIMIT_EXCEEDED', 'Bot registration limit exceeded');
  }
  if (!isBotType(toText(eitherCase(fields, 'type') ?? 'bot'))) refuse('BOT_INVALID_TYPE', 'Invalid bot type');
}

interface Wanted {
  readonly appId: string;
  readonly code: string;
  readonly fields: Params;
  readonly properties: Params;
  readonly eventMode: 'fetch' | 'webhook';
  readonly webhookUrl: string;
}

function create({ portal }: MethodCall, wanted: Wanted): BotRow {
  const { fields, properties, ...known } = wanted;
  const revision = revisionOf(portal);
  const type = toText(eitherCase(fields, 'type') ?? 'bot');
  const image = requireImage(eitherCase(properties, 'avatar'));
  if (known.code.length > CODE_LENGTH) refuse('BOT_REGISTER_FAILED', 'Bot registration failed');
  const flag = (name: string, otherwise: boolean) => {
    const value = eitherCase(fields, name);
    return value === undefined ? otherwise : isTrue(value, revision);
  };
  const { color, ...profile } = newProfile(portal, properties, image, revision);
  const bot = {
    ...known,
    type: isBotType(type) ? type : 'bot',
    color,
    isHidden: flag('isHidden', false),
    isReactionsEnabled: flag('isReactionsEnabled', true),
    isSupportOpenline: flag('isSupportOpenline', false),
    backgroundId: backgroundOf(eitherCase(fields, 'backgroundId')),
    handlers: null,
  } as const;
  return createBot(portal, bot, profile);
}

function unregister(call: MethodCall) {
  removeBot(call, ownBot(call).bot);
  return OK;
}

/** The token must be there but need not fit: a stranger gets the short form (contract imbot §5.3). */
function get(call: MethodCall) {
  const appId = identity(call);
  const { params, portal } = call;
  const botId = toInt(params.botId ?? params.BOT_ID);
  const code = toText(params.code);
  if (botId <= 0 && code === '') refuse('PARAMS_REQUIRED', 'botId or code is required');
  const bot = botId > 0 ? bots(portal).get(botId) : botByCode(portal, code);
  if (!bot) refuse('BOT_NOT_FOUND', 'Bot not found');
  return answer(call, bot, bot.appId === appId);
}

/** An unknown type does not filter at all; `hasNextPage` is a guess (contract imbot §5.4). */
function list(call: MethodCall) {
  const { params, portal } = call;
  const own = botsOf(portal, identity(call));
  const type = toText((params.filter as Params | undefined)?.type);
  const wanted = isBotType(type) ? own.filter((bot) => bot.type === type) : own;
  const limit = optionalInt(params, 'limit', 50);
  const offset = optionalInt(params, 'offset', 0);
  const found = wanted.slice(offset, offset + limit);
  return {
    bots: found.map((bot) => botView(portal, bot, true)),
    users: usersView(
      portal,
      found.map(({ id }) => id),
    ),
    hasNextPage: found.length === limit,
  };
}

function answer({ portal }: MethodCall, bot: BotRow, full = true) {
  return { bot: botView(portal, bot, full), users: usersView(portal, [bot.id]) };
}
