import { isArray, isEmpty, isSet, toText, upperKeys, type Params } from '../../../php/values.ts';
import { refuse } from '../../../refusal.ts';
import { fullName, users } from '../../../users.ts';
import type { Method } from '../../method.ts';
import {
  botByCode,
  changeBot,
  changeProfile,
  createBot,
  DEFAULT_POSITION,
  removeBot,
  type BotProfile,
} from '../bots.ts';
import { automaticColor, legacyColor } from '../colors.ts';
import { readImage, storeImage } from '../images.ts';
import { bots, type BotRow, type BotType, type LegacyHandlers } from '../tables.ts';
import { isYes, legacyIdentity, legacyMethod, namedBot, refuseRequest, type LegacyCall } from './legacyCall.ts';

export const legacyBotMethods: readonly Method[] = [
  legacyMethod('register', register),
  legacyMethod('update', update),
  legacyMethod('unregister', unregister),
  legacyMethod('bot.list', list),
];

const TYPES: Readonly<Record<string, BotType>> = { B: 'bot', O: 'openline', H: 'human', S: 'supervisor' };

interface EventParam {
  readonly param: string;
  readonly handler: keyof LegacyHandlers;
  readonly compulsory: boolean;
}

/** In the order they are checked. */
const EVENT_PARAMS: readonly EventParam[] = [
  { param: 'EVENT_MESSAGE_ADD', handler: 'messageAdd', compulsory: true },
  { param: 'EVENT_MESSAGE_UPDATE', handler: 'messageUpdate', compulsory: false },
  { param: 'EVENT_MESSAGE_DELETE', handler: 'messageDelete', compulsory: false },
  { param: 'EVENT_WELCOME_MESSAGE', handler: 'welcome', compulsory: true },
  { param: 'EVENT_BOT_DELETE', handler: 'botDelete', compulsory: true },
];

/** A known code is answered with its bot, even another application's, and looks like success (contract imbot §18.32). */
function register(legacy: LegacyCall): number {
  const { call, params } = legacy;
  const appId = legacyIdentity(legacy);
  const handlers = handlersOf(params, true);
  const code = toText(params.CODE);
  if (code === '') refuse('CODE_ERROR', "Bot code isn't specified");
  const properties = propertiesOf(params);
  const [name, lastName] = [toText(properties.NAME), toText(properties.LAST_NAME)];
  if (name === '' && lastName === '') refuse('NAME_ERROR', "Bot name isn't specified");
  const existing = botByCode(call.portal, code);
  if (existing) {
    if (existing.appId === appId && existing.handlers) changeBot(call.portal, existing.id, { handlers });
    return existing.id;
  }
  const bot = newBot(params, appId, code, handlers, legacyColor(properties.COLOR) ?? automaticColor(code.length));
  const profile = { name, lastName, workPosition: DEFAULT_POSITION, ...profileOf(legacy, properties) };
  return createBot(call.portal, bot, profile).id;
}

function newBot(params: Params, appId: string, code: string, handlers: LegacyHandlers, color: string) {
  return {
    ...{ appId, code, handlers, color },
    type: TYPES[toText(params.TYPE)] ?? 'bot',
    isHidden: false,
    isReactionsEnabled: true,
    isSupportOpenline: isYes(params.OPENLINE),
    backgroundId: null,
    eventMode: 'webhook',
    webhookUrl: handlers.messageAdd,
  } as const;
}

/** One handler for everything, or each of its own; `all` insists on the compulsory ones. */
function handlersOf(params: Params, all: boolean): LegacyHandlers {
  const common = toText(params.EVENT_HANDLER);
  const handlers = { messageAdd: '', messageUpdate: '', messageDelete: '', welcome: '', botDelete: '' };
  for (const { param, handler, compulsory } of EVENT_PARAMS) {
    const address = toText(params[param]) || common;
    const isWrong = address === '' ? all && compulsory : !isAddress(address);
    if (isWrong) refuse(`${param}_ERROR`, `Wrong handler URL of ${param}`);
    handlers[handler] = address;
  }
  return handlers;
}

function isAddress(address: string): boolean {
  return /^https?:$/.test(URL.canParse(address) ? new URL(address).protocol : '');
}

function propertiesOf(params: Params): Params {
  return isArray(params.PROPERTIES) ? upperKeys(params.PROPERTIES) : {};
}

/** Only what was sent; a bad picture is dropped without a word (contract imbot §11). */
function profileOf({ call }: LegacyCall, properties: Params): Partial<BotProfile> {
  const image = readImage(properties.PERSONAL_PHOTO);
  return {
    ...(isSet(properties.NAME) ? { name: toText(properties.NAME) } : {}),
    ...(isSet(properties.LAST_NAME) ? { lastName: toText(properties.LAST_NAME) } : {}),
    ...(isEmpty(properties.WORK_POSITION) ? {} : { workPosition: toText(properties.WORK_POSITION) }),
    ...(isSet(properties.PERSONAL_GENDER) ? { gender: toText(properties.PERSONAL_GENDER) } : {}),
    ...(image ? { avatarUrl: storeImage(call.portal, image) } : {}),
  };
}

/** Unlike in v2 the properties are a patch (contract imbot §11). TYPE is read at the wrong level, so it does nothing. */
function update(legacy: LegacyCall): true {
  const { call } = legacy;
  const bot = namedBot(legacy);
  const fields = isArray(legacy.params.FIELDS) ? upperKeys(legacy.params.FIELDS) : {};
  const handlers = handlersOf(fields, false);
  const properties = propertiesOf(fields);
  if (properties.NAME === '' && properties.LAST_NAME === '') refuse('NAME_ERROR', "Bot name isn't specified");
  if (Object.keys(fields).length === 0) refuseRequest("Update fields can't be empty");
  const code = toText(fields.CODE) || bot.code;
  if (code !== bot.code && botByCode(call.portal, code)) refuseRequest("Bot can't be updated");
  changeBot(call.portal, bot.id, {
    code,
    handlers: mergeHandlers(bot.handlers, handlers),
    color: legacyColor(properties.COLOR) ?? bot.color,
    ...(isSet(fields.OPENLINE) ? { isSupportOpenline: isYes(fields.OPENLINE) } : {}),
  });
  changeProfile(call.portal, bot.id, profileOf(legacy, properties));
  return true;
}

/** A bot that came by v2 keeps the form of v2 (contract imbot §2.1). */
function mergeHandlers(before: LegacyHandlers | null, sent: LegacyHandlers): LegacyHandlers | null {
  if (!before) return null;
  const given = Object.entries(sent).filter(([, address]) => address !== '');
  return { ...before, ...Object.fromEntries(given) };
}

function unregister(legacy: LegacyCall): true {
  removeBot(legacy.call, namedBot(legacy));
  return true;
}

/** Everybody's bots, keyed by id; none at all is an empty PHP array (contract imbot §11, §18.31). */
function list({ call }: LegacyCall): unknown {
  const shown = bots(call.portal)
    .values()
    .filter(({ type }) => type !== 'network');
  if (shown.length === 0) return [];
  return Object.fromEntries(shown.map((bot) => [bot.id, entry(call, bot)]));
}

function entry({ portal }: LegacyCall['call'], bot: BotRow): Params {
  const user = users(portal).get(bot.id);
  return {
    ID: bot.id,
    NAME: user ? fullName(user) : '',
    CODE: bot.code,
    OPENLINE: bot.isSupportOpenline ? 'Y' : 'N',
  };
}
