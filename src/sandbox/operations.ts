import { createHit } from './events/hit.ts';
import type { EventSender } from './events/sender.ts';
import type { Hit, Portal } from './hit.ts';
import { install, setInstalled, setPayment, uninstall, update } from './install/lifecycle.ts';
import { forgetBotsOf } from './methods/imbot/bots.ts';
import { installationOf, putInstallation, type InstallationRow } from './install/installations.ts';
import { openPage, type FrameForm, type OpenPage } from './install/pages.ts';
import { placements } from './placements.ts';
import { applications, type ApplicationRow } from './oauth/applications.ts';
import { issueCode, revokeTokens } from './oauth/tokens.ts';
import { connectorOf } from './openlines/connectors.ts';
import { addLine, lines, type LineRow } from './openlines/lines.ts';
import type { MessageRow } from './openlines/messages.ts';
import {
  deleteByOperator,
  dialogOf,
  editByOperator,
  writeAutomatic,
  writeToClient,
  type OperatorMessage,
} from './openlines/operator.ts';
import { deleteLine, removeApplicationData } from './openlines/remove.ts';
import { closeSession, finishSession, openSession, putSession } from './openlines/sessions.ts';
import { deleteStatus, isUsable, putStatus, statusOf } from './openlines/statuses.ts';
import { renameDialog } from './openlines/titles.ts';
import { refuse } from './refusal.ts';
import { webhooks } from './rest/caller.ts';
import { employee, users, type UserRow } from './users.ts';

export const ADMIN_ID = 1;

/** What people do in the portal; tests and demonstrations do it for them. */
export type Operations = ReturnType<typeof createOperations>;

export function createOperations(portal: Portal, sender: EventSender) {
  /** One click of somebody: its events leave when it is done. */
  function act<T>(userId: number | null, work: (hit: Hit) => T): T {
    const { hit, end } = createHit(portal, sender, userId);
    const result = work(hit);
    end();
    return result;
  }

  function applicationOf(clientId: string): ApplicationRow {
    const row = applications(portal).get(clientId);
    if (!row) refuse('APPLICATION_NOT_FOUND', 'No such application', { status: 404 });
    return row;
  }

  return {
    act,
    ...applicationOperations(portal, act, applicationOf),
    ...dialogOperations(act),
    ...lineOperations(portal, act),
    ...peopleOperations(portal),
    openPage: (clientId: string, page: OpenPage): FrameForm => openPage(portal, applicationOf(clientId), page),
    /** "Connect" in the contact centre: the page itself switches the row on, then opens the handler (contract imconnector §5.3). */
    openConnectorSettings: (connector: string, line: number, userId = ADMIN_ID): FrameForm =>
      openSettings(portal, applicationOf, connector, line, userId),
  };
}

function cleanUp(portal: Portal, clientId: string): void {
  removeApplicationData(portal, clientId);
  forgetBotsOf(portal, clientId);
}

type Act = <T>(userId: number | null, work: (hit: Hit) => T) => T;

function applicationOperations(portal: Portal, act: Act, applicationOf: (clientId: string) => ApplicationRow) {
  return {
    install(application: ApplicationRow | string, userId = ADMIN_ID): InstallationRow {
      const row = typeof application === 'string' ? applicationOf(application) : application;
      applications(portal).put(row.clientId, row);
      return act(userId, (hit) => install(hit, row));
    },
    setInstalled: (clientId: string, userId = ADMIN_ID): boolean =>
      act(userId, (hit) => setInstalled(hit, applicationOf(clientId))),
    update(clientId: string, change: Partial<ApplicationRow> = {}, userId = ADMIN_ID): InstallationRow {
      const before = applicationOf(clientId);
      const row = { ...before, version: before.version + 1, ...change, clientId };
      applications(portal).put(clientId, row);
      return act(userId, (hit) => update(hit, row));
    },
    uninstall(clientId: string, options: { clean?: boolean; userId?: number } = {}): void {
      const { clean = false, userId = ADMIN_ID } = options;
      act(userId, (hit) => uninstall(hit, applicationOf(clientId), { clean, cleanUp }));
    },
    /** A code as the browser brings it back from the authorisation page; it lives 30 s. */
    authorize: (clientId: string, userId: number): string =>
      issueCode(portal, { clientId: applicationOf(clientId).clientId, memberId: portal.memberId, userId }),
    setPayment: (clientId: string, expired: boolean): void =>
      act(null, (hit) => setPayment(hit, applicationOf(clientId), expired)),
  };
}

function dialogOperations(act: Act) {
  return {
    operatorMessage: (chatId: number, userId: number, message: OperatorMessage): MessageRow =>
      act(userId, (hit) => writeToClient(hit, chatId, message)),
    automaticMessage: (chatId: number, text: string): MessageRow =>
      act(null, (hit) => writeAutomatic(hit, chatId, text)),
    editMessage: (messageId: number, userId: number, text: string): MessageRow =>
      act(userId, (hit) => editByOperator(hit, messageId, text)),
    deleteMessage: (messageId: number, userId: number): MessageRow =>
      act(userId, (hit) => deleteByOperator(hit, messageId)),
    /** The operator finishes; `atOnce` skips the closing time of the line. */
    closeDialog: (
      chatId: number,
      { userId = null, atOnce = false }: { userId?: number | null; atOnce?: boolean } = {},
    ) =>
      act(userId, (hit) => {
        const dialog = dialogOf(hit.portal, chatId);
        const session = openSession(hit.portal, dialog);
        if (session && atOnce) closeSession(hit, dialog, session);
        return atOnce ? session !== undefined : finishSession(hit, dialog);
      }),
    /** Somebody of the staff renames the chat by hand; no event tells of it. */
    renameDialog: (chatId: number, title: string): boolean =>
      act(ADMIN_ID, (hit) => renameDialog(hit.portal, dialogOf(hit.portal, chatId), title)),
    askForVote: (chatId: number): boolean =>
      act(null, (hit) => {
        const session = openSession(hit.portal, dialogOf(hit.portal, chatId));
        if (session) putSession(hit.portal, { ...session, waitsForVote: true });
        return session !== undefined;
      }),
  };
}

function lineOperations(portal: Portal, act: Act) {
  return {
    addLine: (settings: Record<string, string> = {}, queue: readonly number[] = [27]): LineRow =>
      addLine(portal, settings, queue),
    changeLine(lineId: number, settings: Record<string, string>): LineRow {
      const row = lines(portal).get(lineId);
      if (!row) refuse('LINE_NOT_FOUND', 'No such line', { status: 404 });
      const next = { ...row, settings: { ...row.settings, ...settings } };
      lines(portal).put(lineId, next);
      return next;
    },
    deleteLine: (lineId: number, userId = ADMIN_ID): boolean => act(userId, (hit) => deleteLine(hit, lineId)),
    /** "Disable" in the connector's settings. */
    disableConnector: (connector: string, line: number, userId = ADMIN_ID): void =>
      act(userId, (hit) => deleteStatus(hit, connector, line)),
  };
}

function peopleOperations(portal: Portal) {
  return {
    addUser(user: Partial<UserRow> & { name: string }): UserRow {
      const { name, lastName = '', ...more } = user;
      const row = employee(more.id ?? portal.nextId('user'), name, lastName, more);
      users(portal).put(row.id, row);
      return row;
    },
    dismissUser(userId: number): void {
      const row = users(portal).get(userId);
      if (row) users(portal).put(userId, { ...row, active: false });
    },
    addWebhook(userId: number, scopes: readonly string[], secret = 'webhooksecret'): string {
      webhooks(portal).put(`${userId}/${secret}`, { userId, secret, scopes });
      return `${userId}/${secret}`;
    },
    /** 'tokens': pairs of the user stop working. 'access': the application is closed to the user (contract platform §2.6). */
    revokeGrant(clientId: string, userId: number, how: 'tokens' | 'access' = 'tokens'): void {
      const row = installationOf(portal, portal.memberId, clientId);
      if (!row) return;
      if (how === 'access') {
        putInstallation(portal, { ...row, deniedUsers: [...row.deniedUsers, userId] });
        return;
      }
      const { memberId } = portal;
      revokeTokens(
        portal,
        (grant) => grant.memberId === memberId && grant.clientId === clientId && grant.userId === userId,
      );
    },
  };
}

function openSettings(
  portal: Portal,
  applicationOf: (clientId: string) => ApplicationRow,
  connector: string,
  line: number,
  userId: number,
): FrameForm {
  const row = connectorOf(portal, connector);
  const handler = row && placements(portal).get(row.placementId)?.handler;
  if (!row || handler === undefined) refuse('CONNECTOR_NOT_FOUND', 'No such connector', { status: 404 });
  const status = { ...statusOf(portal, row.id, line), active: true };
  putStatus(portal, status);
  const options = {
    CONNECTOR: row.id,
    LINE: String(line),
    STATUS: isUsable(status),
    ACTIVE_STATUS: status.active,
    CONNECTION_STATUS: status.connection,
    REGISTER_STATUS: status.register,
    ERROR_STATUS: status.error,
    URI: `/contact_center/connector/?ID=${row.id}&LINE=${line}`,
  };
  const page = { userId, placement: 'SETTING_CONNECTOR', url: handler, options };
  return openPage(portal, applicationOf(row.ownerClientId), page);
}
