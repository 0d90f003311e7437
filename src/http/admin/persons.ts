import { z } from 'zod';
import { erasePerson } from '../../bridge/admin/erasure.ts';
import { ok, route, type Route } from './route.ts';

const count = z.int().min(0);
const erasure = z
  .object({
    profile: count.meta({ description: '1: there was one' }),
    messages: count.meta({ description: 'Texts and files of what they wrote and, where nobody else is, were written' }),
    webhookEvents: count.meta({ description: 'Payloads of stored events that name them' }),
    portalEvents: count.meta({ description: 'Payloads of events of Bitrix24 about conversations of theirs alone' }),
    conversations: count.meta({ description: 'Conversations of theirs alone that lost name, topic and addresses' }),
    findings: count.meta({ description: 'Details that runs found about those' }),
    importLines: count.meta({ description: 'Lines of imports still being stored that lost their name' }),
  })
  .meta({ id: 'Erasure', description: 'How much was erased of each sort; all 0 when nothing was stored (any more)' });

export const personRoutes: Route[] = [
  route({
    method: 'delete',
    path: '/messengers/:slug/persons/:externalId',
    operationId: 'erasePerson',
    tag: 'Messengers',
    summary: 'Erase what is stored of a person',
    scope: 'admin',
    params: z.strictObject({ slug: z.string().max(63), externalId: z.string().min(1).max(255) }),
    description:
      'Profile, messages, stored events, names of their own conversations. Messages that have not crossed yet never will. Ids of events and messages stay, so that repeated webhooks are still recognised. What is in Bitrix24 and in the messenger is erased there.',
    responses: { 200: erasure },
    handler: async ({ deps, params: { slug, externalId } }) => ok(await erasePerson(deps, slug, externalId)),
  }),
];
