import { apiKeyRoutes } from './apiKeys.ts';
import { auditRoutes } from './auditEntries.ts';
import { botRoutes } from './bots.ts';
import { channelRoutes } from './channels.ts';
import { companionRoutes } from './companions.ts';
import { connectorRoutes } from './connectors.ts';
import { conversationRoutes } from './conversations.ts';
import { importRoutes } from './imports.ts';
import { doctorRoutes } from './doctor.ts';
import { jobRoutes } from './jobs.ts';
import { messengerRoutes } from './messengers.ts';
import { overviewRoutes } from './overview.ts';
import { personRoutes } from './persons.ts';
import { portalRoutes } from './portals.ts';
import type { Route } from './route.ts';
import { runRoutes } from './runs.ts';
import { timelineRoutes } from './timeline.ts';
import { webhookEventRoutes } from './webhookEvents.ts';

/** Everything below `/admin/v1`. */
export const routes: readonly Route[] = [
  ...overviewRoutes,
  ...portalRoutes,
  ...doctorRoutes,
  ...connectorRoutes,
  ...botRoutes,
  ...messengerRoutes,
  ...personRoutes,
  ...channelRoutes,
  ...importRoutes,
  ...conversationRoutes,
  ...companionRoutes,
  ...jobRoutes,
  ...webhookEventRoutes,
  ...runRoutes,
  ...timelineRoutes,
  ...apiKeyRoutes,
  ...auditRoutes,
];
