import { DeliveryError } from '../kit/errors.ts';
import type { Call } from './portalApi.ts';
import {
  itemOf,
  lineParams,
  messageFields,
  messageParams,
  type ConnectorMessage,
  type LineRef,
  type MessageTarget,
} from './connectorWire.ts';
import { asFields, asFlag, asId, asList, asText, hasCode } from './wire.ts';

/**
 * `imconnector.*` as typed functions (contract imconnector §3). Codes of connectors are lower-cased everywhere:
 * several look-ups on the portal are case-sensitive, and a wrong case can close the live session (§0 fact 10).
 * All of them throw DeliveryError.
 */

const REPEATABLE = { repeatable: true };

export interface ConnectorDefinition {
  /** `[a-z0-9_]` with a prefix of ours: registering an existing code takes it over. */
  code: string;
  name: string;
  iconSvgDataUri: string;
  color?: string;
  /** One dialog per conversation instead of one per person. Changing it later changes the key of every chat. */
  chatGroup: boolean;
  /** Page shown in the settings iframe. */
  placementHandler: string;
  comment?: string;
}

/** Registers or updates (§3.1). A failure comes with HTTP 200, at the top level or nested under `result`. */
export async function registerConnector(call: Call, connector: ConnectorDefinition): Promise<void> {
  const result = await call(
    'imconnector.register',
    {
      ID: connector.code.toLowerCase(),
      NAME: connector.name,
      ICON: { DATA_IMAGE: connector.iconSvgDataUri, ...(connector.color ? { COLOR: connector.color } : {}) },
      CHAT_GROUP: connector.chatGroup,
      PLACEMENT_HANDLER: connector.placementHandler,
      ...(connector.comment === undefined ? {} : { COMMENT: connector.comment }),
    },
    REPEATABLE,
  );
  requireSuccess(result, 'imconnector.register');
}

/** Only for our own code: a foreign one would disconnect its lines and still say yes (§3.6). Repeatable. */
export async function unregisterConnector(call: Call, code: string): Promise<void> {
  const result = await call('imconnector.unregister', { ID: code.toLowerCase() }, REPEATABLE);
  requireSuccess(result, 'imconnector.unregister');
}

function requireSuccess(result: unknown, method: string): void {
  const { result: done, error, error_description: text } = asFields(result);
  if (asFlag(done) || result === true) return;
  throw new DeliveryError({ verdict: 'refused', code: asText(error) || 'not_done', detail: asText(text) || method });
}

/** Only `1` and `0` are safe: any other non-empty value, "N" included, activates (§0 fact 7). */
export async function activate(call: Call, { active, ...line }: LineRef & { active: boolean }): Promise<void> {
  await call('imconnector.activate', { ...lineParams(line), ACTIVE: active ? 1 : 0 }, REPEATABLE);
}

export interface ConnectorStatus {
  /** Set by `imconnector.set.error` or the portal. */
  error: boolean;
  configured: boolean;
  /** Messages can cross. Right after `activate` the old state may still be seen (§2). */
  usable: boolean;
}

export async function connectorStatus(call: Call, line: LineRef): Promise<ConnectorStatus> {
  const status = asFields(await call('imconnector.status', lineParams(line), REPEATABLE));
  return { error: asFlag(status.ERROR), configured: asFlag(status.CONFIGURED), usable: asFlag(status.STATUS) };
}

export interface ConnectorData {
  id?: string;
  url?: string;
  urlIm?: string;
  name?: string;
}

/** What the Contact Center shows. Merged on the portal: nothing can be cleared except by deactivating (§3.4). */
export async function setConnectorData(
  call: Call,
  { data, ...line }: LineRef & { data: ConnectorData },
): Promise<void> {
  const DATA = { ID: data.id, URL: data.url, URL_IM: data.urlIm, NAME: data.name };
  await call('imconnector.connector.data.set', { ...lineParams(line), DATA }, REPEATABLE);
}

export interface SentMessage {
  /** Id of the portal's user made of the person. */
  bitrixUserId: string;
  /** Id of the dialog's chat on the portal. */
  chatId: string;
  sessionId: string;
  /** How many of the files the portal could fetch; it drops the others without a word. */
  files: number;
}

/**
 * Never deduplicated by the portal (§0 fact 5): not repeatable.
 * @throws DeliveryError refused `item_rejected`; unsure `no_session`: accepted, but in no dialog (§3.7).
 */
export async function sendMessage(
  call: Call,
  { message, ...target }: MessageTarget & { message: ConnectorMessage },
): Promise<SentMessage> {
  const method = 'imconnector.send.messages';
  const result = await call(method, messageParams(target, messageFields(message)));
  const item = itemOf(result, method, { repeatable: false });
  const session = asFields(item.session);
  const chatId = asId(session.CHAT_ID);
  if (chatId === undefined) {
    throw new DeliveryError({
      verdict: 'unsure',
      code: 'no_session',
      detail: 'the portal took the message without naming a dialog',
    });
  }
  const files = asList(asFields(item.message).files).length;
  return { bitrixUserId: asId(item.user) ?? '', chatId, sessionId: asId(session.ID) ?? '', files };
}

/**
 * Names the dialog of one conversation (§3.13). `chatId` and `userId` are the messenger's; `userId` is needed for a
 * direct connector. Not idempotent, yet harmless to repeat.
 * A resolved call is no proof: the portal answers success for a person it does not know.
 * @throws DeliveryError refused `CHAT_RENAMING_FAILED`: no chat, no open session, a blank or an equal title.
 */
export async function setChatName(
  call: Call,
  { chatId, name, userId, ...line }: LineRef & { chatId: string; name: string; userId?: string },
): Promise<void> {
  const params = {
    ...lineParams(line),
    CHAT_ID: chatId,
    NAME: name,
    ...(userId === undefined ? {} : { USER_ID: userId }),
  };
  const result = asFields(await call('imconnector.chat.name.set', params, REPEATABLE));
  if (!asFlag(result.SUCCESS)) {
    throw new DeliveryError({ verdict: 'refused', code: 'not_done', detail: 'imconnector.chat.name.set' });
  }
}

export interface BoundEvent {
  event: string;
  handler: string;
}

/**
 * Binds an event to a public URL (contract platform §5.1). "Handler already binded" has no code of its own, so it is
 * confirmed by looking.
 */
export async function bindEvent(call: Call, event: string, handler: string): Promise<void> {
  try {
    const result = await call('event.bind', { event, handler }, REPEATABLE);
    if (result !== false && result !== null) return;
  } catch (error) {
    if (!hasCode(error, 'ERROR_CORE') || !(await isBound(call, event, handler))) throw error;
    return;
  }
  if (await isBound(call, event, handler)) return;
  throw new DeliveryError({ verdict: 'refused', code: 'not_bound', detail: `event.bind ${event}` });
}

async function isBound(call: Call, event: string, handler: string): Promise<boolean> {
  const bound = await listBoundEvents(call);
  return bound.some((entry) => entry.event === event.toUpperCase() && entry.handler === handler);
}

/** @returns how many bindings went away. */
export async function unbindEvent(call: Call, event: string, handler: string): Promise<number> {
  const result = await call('event.unbind', { event, handler }, REPEATABLE);
  return Number(asId(asFields(result).count) ?? 0);
}

/** Online handlers only; `event` in upper case. */
export async function listBoundEvents(call: Call): Promise<BoundEvent[]> {
  const entries = asList(await call('event.get', {}, REPEATABLE)).map(asFields);
  return entries
    .filter((entry) => !asFlag(entry.offline))
    .map((entry) => ({ event: asText(entry.event).toUpperCase(), handler: asText(entry.handler) }));
}

/** Makes the portal send ONAPPTEST with these words in it to whoever it is bound to (contract platform §5.1). */
export async function testEvent(call: Call, words: Readonly<Record<string, string>>): Promise<void> {
  await call('event.test', words, REPEATABLE);
}

/** Names of all connectors of the portal by their codes, those of others too (§3.5). */
export async function listConnectors(call: Call): Promise<Map<string, string>> {
  const list = asFields(await call('imconnector.list', {}, REPEATABLE));
  return new Map(Object.entries(list).map(([code, name]) => [code.toLowerCase(), asText(name)]));
}

/** Marks the connector of a line as broken until the next `activate`; nothing crosses meanwhile (§3.12). */
export async function setLineError(call: Call, line: LineRef): Promise<void> {
  await call('imconnector.set.error', lineParams(line), REPEATABLE);
}
