import type { Hit } from '../../hit.ts';
import type { Params } from '../../php/values.ts';
import { eventsOf, type BotRow, type LegacyHandlers } from './tables.ts';
import { botView } from './v2/views.ts';

export type BotEventName = 'JOINCHAT' | 'MESSAGEADD' | 'MESSAGEUPDATE' | 'MESSAGEDELETE' | 'DELETE';

/** One event in both forms; the bot's own block is added here. */
export interface BotEventData {
  readonly v2: Params;
  /** PARAMS of the legacy form, with USER beside them when there is one. */
  readonly legacy: { readonly params?: Params; readonly user?: Params };
}

const HANDLER: Readonly<Record<BotEventName, keyof LegacyHandlers>> = {
  JOINCHAT: 'welcome',
  MESSAGEADD: 'messageAdd',
  MESSAGEUPDATE: 'messageUpdate',
  MESSAGEDELETE: 'messageDelete',
  DELETE: 'botDelete',
};

/** Fetch mode stores, webhook mode posts, each in the form of the API the bot came from (contract imbot §9.1, §10). */
export function notify(hit: Hit, bot: BotRow, name: BotEventName, data: BotEventData): void {
  if (bot.eventMode === 'fetch') store(hit, bot, name, data);
  // A bot of an inbound webhook has no application to send for (contract imbot §10.3, revision 33 defect).
  else if (bot.appId.startsWith('custom')) return;
  else if (bot.handlers) postLegacy(hit, bot, bot.handlers[HANDLER[name]], name, data);
  else post(hit, bot, name, data);
}

function store({ portal }: Hit, bot: BotRow, name: BotEventName, data: BotEventData): void {
  const id = portal.nextId('botEvent');
  const content = { bot: botView(portal, bot, true), ...data.v2 };
  eventsOf(portal, bot.id).put(id, {
    id,
    botId: bot.id,
    at: portal.clock.now(),
    type: `ONIMBOTV2${name}`,
    data: content,
  });
}

function post(hit: Hit, bot: BotRow, name: BotEventName, data: BotEventData): void {
  const content = { bot: { id: bot.id, code: bot.code }, ...data.v2 };
  hit.raise({ name: `ONIMBOTV2${name}`, data: content, clientId: bot.appId, handlerUrl: bot.webhookUrl });
}

function postLegacy(hit: Hit, bot: BotRow, handler: string, name: BotEventName, data: BotEventData): void {
  if (handler === '') return;
  const { params = { BOT_ID: bot.id, BOT_CODE: bot.code }, user } = data.legacy;
  const content = {
    BOT: { [bot.id]: { BOT_ID: bot.id, BOT_CODE: bot.code } },
    PARAMS: params,
    ...(user ? { USER: user } : {}),
  };
  hit.raise({ name: `ONIMBOT${name}`, data: content, clientId: bot.appId, handlerUrl: handler });
}
