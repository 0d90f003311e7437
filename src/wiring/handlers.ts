import { createWebhookEventApplication } from '../bridge/applyWebhookEvents.ts';
import { createBotConvergence, createBotRemoval } from '../bridge/bots.ts';
import { createBotEventPolling } from '../bridge/botEvents.ts';
import { createCompanionArchiving } from '../bridge/companionArchive.ts';
import { createCompanionPosting } from '../bridge/companionMessages.ts';
import { createCompanionReconciliation } from '../bridge/companionReconciliation.ts';
import { createCompanionConvergence } from '../bridge/companions.ts';
import {
  createChannelConnection,
  createChannelDisconnection,
  createConnectorConvergence,
  createConnectorRemoval,
} from '../bridge/connectors.ts';
import { createGrantKeeping } from '../bridge/daily.ts';
import { createInstallVerification } from '../bridge/frames.ts';
import { createDialogFinish, createMessageChange } from '../bridge/messageChanges.ts';
import { createMessageDelivery } from '../bridge/messages.ts';
import type { JobKind } from '../bridge/model.ts';
import { createNameReconciliation } from '../bridge/nameReconciliation.ts';
import { createNameConvergence } from '../bridge/names.ts';
import { createNotification } from '../bridge/notifications.ts';
import { createDialogAdoption } from '../bridge/importAdoption.ts';
import { createImportStoring } from '../bridge/importStoring.ts';
import { createPortalEventApplication } from '../bridge/portalEvents.ts';
import { createReplyRecovery } from '../bridge/recovery.ts';
import { createDeliveryConfirmation, createReplyChange, createReplyDelivery } from '../bridge/replies.ts';
import { createChannelRetitling } from '../bridge/retitling.ts';
import { createPortalSetUp } from '../bridge/setUp.ts';
import { createUninstallConfirmation } from '../bridge/uninstallation.ts';
import type { Handler } from '../outbox/job.ts';
import type { Parts } from './parts.ts';

/** Which handler does which kind of job. A new kind is one row here, one in `JobPayloads`, and its builder in `jobs.ts`. */
export function handlersOf(parts: Parts): Record<JobKind, Handler> {
  const { db, outbox, portals, bots, deliveries, media, frames, oauth, vault, clock, log, publicUrl } = parts;
  const { installationId } = parts;
  const wiring = { db, outbox, portals, clock, log, publicUrl };
  const grants = { db, oauth, vault, clock, log };
  return {
    verifyInstall: createInstallVerification({ ...frames, vault }),
    applyWebhookEvents: createWebhookEventApplication({ db, clock, log }),
    applyPortalEvent: createPortalEventApplication({ db, clock, log }),
    deliverMessage: createMessageDelivery({ db, outbox, portals, clock, log, mediaUrl: media.url }),
    changeMessage: createMessageChange({ db, portals, mediaUrl: media.url }),
    finishDialog: createDialogFinish({ db, portals }),
    deliverReply: createReplyDelivery({ db, deliveries, clock, log }),
    changeReply: createReplyChange({ db, deliveries, clock, log }),
    confirmDelivery: createDeliveryConfirmation({ db, portals, clock }),
    notifyMessenger: createNotification({ db, deliveries }),
    reconcileCompanions: createCompanionReconciliation({ db, bots, vault, clock, log }),
    recoverReplies: createReplyRecovery({ db, portals, clock, log }),
    importConversations: createImportStoring({ db, clock, log }),
    adoptDialogs: createDialogAdoption({ db, portals, clock, log }),
    reconcileNames: createNameReconciliation({ db, portals, clock, log }),
    convergeName: createNameConvergence({ db, portals, clock, log }),
    convergeCompanion: createCompanionConvergence({ db, bots, vault, clock, log }),
    archiveCompanion: createCompanionArchiving({ db, bots, vault, clock, log }),
    pollBotEvents: createBotEventPolling({ db, bots, vault, clock, log }),
    postToCompanion: createCompanionPosting({ db, bots, vault, clock }),
    retitleChannel: createChannelRetitling({ db }),
    setUpPortal: createPortalSetUp(wiring, 'installed'),
    checkPortal: createPortalSetUp(wiring, 'daily'),
    confirmUninstall: createUninstallConfirmation(grants),
    keepGrant: createGrantKeeping(grants),
    convergeConnector: createConnectorConvergence(wiring),
    removeConnector: createConnectorRemoval(wiring),
    convergeBot: createBotConvergence({ db, bots, vault, clock, log, installationId, publicUrl }),
    removeBot: createBotRemoval({ bots, vault }),
    connectChannel: createChannelConnection(wiring),
    disconnectChannel: createChannelDisconnection(wiring),
  };
}
