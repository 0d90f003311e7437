/** The gateway's own words, for people. */

const KINDS = {
  applyWebhookEvents: 'Apply what the messenger sent',
  applyPortalEvent: 'Apply what Bitrix24 sent',
  deliverMessage: 'Deliver a message to the dialog',
  changeMessage: 'Change a message in the dialog',
  finishDialog: 'Finish the dialog',
  deliverReply: "Deliver an operator's message to the messenger",
  changeReply: "Change an operator's message in the messenger",
  confirmDelivery: 'Confirm a delivery to Bitrix24',
  notifyMessenger: 'Tell the messenger what happened',
  recoverReplies: 'Recover lost replies',
  importConversations: 'Import conversations',
  adoptDialogs: 'Adopt the dialogs there are',
  reconcileNames: 'Compare all names',
  reconcileCompanions: 'Compare all companions',
  convergeName: 'Apply the name to the dialog',
  convergeCompanion: 'Bring the companion in step',
  archiveCompanion: 'Archive the companion',
  postToCompanion: 'Post into the companion',
  pollBotEvents: 'Fetch the events of a bot',
  retitleChannel: 'Apply a new title template',
  verifyInstall: 'Verify an installation',
  setUpPortal: 'Set the portal up',
  checkPortal: "The portal's daily check",
  confirmUninstall: 'Confirm an uninstallation',
  keepGrant: 'Keep an authorisation alive',
  convergeConnector: 'Register the connector',
  removeConnector: 'Remove a connector',
  convergeBot: 'Bring a bot in step',
  removeBot: 'Remove a bot',
  connectChannel: 'Connect a line',
  disconnectChannel: 'Disconnect a line',
};

/** Kinds whose outcome somebody can see with their own eyes. */
export const DELIVERIES = ['deliverMessage', 'deliverReply', 'postToCompanion'];

export const kindInWords = (kind) => KINDS[kind] ?? inWords(kind);
export const kinds = Object.entries(KINDS);

const STATES = {
  waitingForDialog: ['waiting for a dialog', 'info'],
  applied: ['applied', 'good'],
  ready: ['ready', 'good'],
  active: ['active', 'good'],
  done: ['done', 'good'],
  ok: ['ok', 'good'],
  delivered: ['delivered', 'good'],
  accepted: ['accepted', 'info'],
  pending: ['pending', 'info'],
  waiting: ['waiting', 'info'],
  running: ['running', 'info'],
  uploading: ['uploading', 'info'],
  later: ['looks again later', 'info'],
  unknown: ['unknown', 'warn'],
  retry: ['will be retried', 'warn'],
  unsure: ['outcome unknown', 'warn'],
  paused: ['paused', 'warn'],
  parked: ['parked', 'warn'],
  unhandled: ['without effect', 'warn'],
  ignored: ['ignored', 'none'],
  none: ['none', 'none'],
  archived: ['archived', 'none'],
  deleted: ['deleted', 'none'],
  uninstalled: ['uninstalled', 'none'],
  failed: ['failed', 'bad'],
  trouble: ['trouble', 'bad'],
  dead: ['dead', 'bad'],
  refused: ['refused', 'bad'],
  blocked: ['blocked', 'bad'],
  disconnected: ['disconnected', 'bad'],
};

/** @returns {[text: string, tone: string]} */
export const stateInWords = (state) => STATES[state] ?? [inWords(state), 'none'];

/** `oneThing` and `one_thing` → `one thing`. */
export const inWords = (name) =>
  name
    .replaceAll('_', ' ')
    .replaceAll(/([a-z])([A-Z])/g, '$1 $2')
    .toLowerCase();
