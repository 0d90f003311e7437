/** Why something did not work, and what to do about it: by the codes the gateway and the portal use. */

/** @typedef {{ why: string, todo?: string, where?: 'wiring' | 'failures' }} Reason */

const INSTALL = 'Install or open the application again on the portal, as an administrator.';
const CHECK = 'Run the check of the portal under Channels and wiring.';

/** @type {Record<string, Reason>} */
const REASONS = {
  // Names
  no_dialog: {
    why: 'There is no dialog yet.',
    todo: 'Nothing to do: it is applied when the first message opens the dialog.',
  },
  no_open_session: {
    why: 'No session is open in the dialog, and Bitrix24 renames only dialogs with an open one.',
    todo: 'Nothing to do: it is applied when the customer writes again.',
  },
  no_person: {
    why: 'It is not known yet which person this direct dialog belongs to.',
    todo: 'Nothing to do: the next message tells.',
  },
  nothing_changed: {
    why: 'Bitrix24 answered with success and changed nothing: it does not know the person of this dialog.',
    todo: 'It is tried again with the next message.',
  },
  dialog_unreadable: {
    why: 'The dialog cannot be read with the rights the gateway has, so nobody can tell which title it shows.',
    todo: 'Give the user who installed the application access to the line, then resync.',
  },
  CHAT_RENAMING_FAILED: {
    why: 'Bitrix24 refused the name.',
    todo: 'It wants an open session and another title. Resync once a session is open.',
  },
  // Unsure
  outcome_unknown: {
    why: 'The answer was lost, and the portal does not tell whether it happened.',
    todo: 'Look into the dialog: if it is there, it was delivered; if not, send it again.',
    where: 'failures',
  },
  no_session: {
    why: 'Bitrix24 took the message, but into no dialog.',
    todo: 'Look into the dialog. If the message is missing, send it again.',
    where: 'failures',
  },
  // Reaching the portal
  unreachable: {
    why: 'The other side cannot be reached.',
    todo: 'It is tried again by itself. Check the network if it lasts.',
  },
  network: { why: 'The connection broke before the answer came.', todo: 'It is tried again by itself.' },
  timeout: { why: 'No answer came in time.', todo: 'It is tried again by itself.' },
  html_answer: {
    why: 'A page came instead of an answer, probably from a proxy.',
    todo: 'It is tried again by itself.',
  },
  empty_answer: { why: 'The answer was empty.', todo: 'It is tried again by itself.' },
  gate_closed: { why: 'The portal is paused or blocked.', todo: 'Open it under Channels and wiring.', where: 'wiring' },
  QUERY_LIMIT_EXCEEDED: {
    why: 'The request limit of the portal is used up.',
    todo: 'It goes on by itself within seconds.',
  },
  OPERATION_TIME_LIMIT: {
    why: 'The operating time Bitrix24 allows for this method is used up.',
    todo: 'It goes on by itself within ten minutes.',
  },
  OVERLOAD_LIMIT: { why: 'Bitrix24 has blocked the application by hand.', todo: 'Write to the support of Bitrix24.' },
  PAYMENT_REQUIRED: {
    why: "The portal's subscription or trial is over.",
    todo: 'Renew it, then resume the portal.',
    where: 'wiring',
  },
  PORTAL_DELETED: { why: 'The portal is closed or deleted.', todo: 'If it is back, resume it.', where: 'wiring' },
  // Rights
  no_grant: { why: 'No usable authorisation is stored for the portal.', todo: INSTALL, where: 'wiring' },
  invalid_grant: { why: 'The authorisation has run out or was withdrawn.', todo: INSTALL, where: 'wiring' },
  invalid_token: { why: 'Bitrix24 does not accept the authorisation.', todo: INSTALL, where: 'wiring' },
  NO_AUTH_FOUND: { why: 'Bitrix24 does not accept the authorisation.', todo: INSTALL, where: 'wiring' },
  APPLICATION_NOT_FOUND: { why: 'The application is not installed on the portal.', todo: INSTALL, where: 'wiring' },
  authorization_error: {
    why: 'The user who installed the application is no longer active.',
    todo: 'Let another administrator open the application on the portal.',
    where: 'wiring',
  },
  user_access_error: {
    why: 'The user who installed the application may no longer use it.',
    todo: 'Give the access back on the portal, or let another administrator open the application.',
    where: 'wiring',
  },
  insufficient_scope: {
    why: 'The application lacks a right it needs.',
    todo: 'Add the missing scope to the application in Bitrix24, and install it again.',
    where: 'wiring',
  },
  ACCESS_DENIED: {
    why: 'Bitrix24 denied the access.',
    todo: 'Check the rights of the user who installed the application, then retry.',
    where: 'wiring',
  },
  uninstalled: { why: 'The application was removed from the portal.', todo: INSTALL, where: 'wiring' },
  endpoint_not_allowed: {
    why: 'The address of the portal is private or not secure.',
    todo: 'Allow it with ALLOW_INSECURE_PORTALS if it is meant to be.',
  },
  // Wiring
  IMCONNECTOR_NO_CORRECT_PROVIDER: {
    why: 'The connector is not registered on the portal.',
    todo: CHECK,
    where: 'wiring',
  },
  IMCONNECTOR_NOT_SPECIFIED_CORRECT_CONNECTOR: { why: 'The connector is switched off.', todo: CHECK, where: 'wiring' },
  NOT_ACTIVE_LINE: { why: 'The connector is not active on this line.', todo: CHECK, where: 'wiring' },
  line_not_found: { why: 'The line was deleted on the portal.', todo: 'Connect another line.', where: 'wiring' },
  ERROR_ARGUMENT: {
    why: 'Bitrix24 finds a part of the request wrong.',
    todo: 'The attempt tells which, in its own words.',
  },
  ERROR_CORE: { why: 'Bitrix24 decided against it.', todo: 'The attempt tells why, in its own words.' },
  item_rejected: {
    why: 'Bitrix24 took the request, but not this message.',
    todo: 'Look at its text and files, then retry.',
  },
  file_not_taken: { why: 'Bitrix24 did not take a file; its address was sent instead.' },
  // The messenger
  gone: {
    why: 'The messenger says that its delivery address is gone for good.',
    todo: 'Correct the delivery URL of the messenger.',
  },
  no_delivery_url: { why: 'The messenger has no delivery URL.', todo: 'Set the delivery URL of the messenger.' },
  failed_in_messenger: { why: 'The messenger could not deliver it.' },
  // Companions
  bot_removed: {
    why: 'The bot was removed from the chat.',
    todo: 'Bring it back into the chat on the portal, then retry.',
  },
  not_owner: {
    why: 'The bot does not own the chat any more, so it may not change this.',
    todo: 'Change it on the portal, or hand the chat back to the bot.',
  },
  owner_not_member: { why: 'The new owner is no member of the chat.', todo: 'Add them as a member first.' },
  no_companion: { why: 'The conversation has no companion.' },
  avatar_too_large: { why: 'The picture is too large.', todo: 'Use a smaller one.' },
  avatar_not_an_image: { why: 'The picture is not an image Bitrix24 understands.', todo: 'Use another one.' },
  unsupported_by_portal: { why: 'This portal has no method for it.' },
  ERROR_METHOD_NOT_FOUND: { why: 'This portal has no method for it.' },
  // The gateway
  cancelled: { why: 'A person gave it up.' },
  internal: { why: 'The gateway itself failed.', todo: 'Look for the request id in the log, and report it.' },
  database_gone: { why: 'The database could not be reached.', todo: 'It is tried again by itself.' },
  unknown_kind: {
    why: 'This version of the gateway does not know such work.',
    todo: 'Finish the upgrade of all processes.',
  },
};

/**
 * @param {string | null | undefined} code
 * @returns {Reason | undefined}
 */
export function reasonOf(code) {
  if (!code) return undefined;
  if (Object.hasOwn(REASONS, code)) return REASONS[code];
  const [, status] = /^http_(\d{3})$/.exec(code) ?? [];
  if (status?.startsWith('5'))
    return { why: `The other side answered with ${status}.`, todo: 'It is tried again by itself.' };
  if (status === '429') return { why: 'The other side was asked too fast.', todo: 'It goes on by itself.' };
  if (status) return { why: `The other side refused it (${status}).` };
  return { why: `The other side answered ${code}.` };
}
