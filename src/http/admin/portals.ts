import { z } from 'zod';
import {
  changePortal,
  erasePortal,
  getPortal,
  listPortals,
  portalLines,
  type PortalRow,
} from '../../bridge/admin/portals.ts';
import { holdPortal } from '../../bridge/admin/locks.ts';
import { time, timeOf, uuid } from './fields.ts';
import { pageOf, toPage, uuidPage } from './pages.ts';
import { ok, route, type Route } from './route.ts';

const tag = 'Portals';
const params = z.strictObject({ id: uuid });
const plan = z.enum(['standard', 'enterprise']).meta({
  description: 'Decides how many requests per second the portal takes. Read from the portal where it tells.',
});

const portal = z
  .object({
    id: z.uuid(),
    memberId: z.string().meta({ description: 'What Bitrix24 itself knows the portal by' }),
    domain: z.string(),
    clientEndpoint: z.string(),
    state: z.enum(['active', 'paused', 'blocked', 'uninstalled']).meta({
      description:
        '`paused` by an administrator; `blocked` by the portal, see `blockedReason`: the gateway tries again by itself.',
    }),
    blockedReason: z.string().nullable(),
    plan,
    scope: z.array(z.string()),
    appVersion: z.string().nullable(),
    botGeneration: z.enum(['v2', 'legacy', 'unknown']),
    authorized: z.boolean().meta({ description: 'Whether a usable authorisation is stored' }),
    installedAt: time,
    setUpAt: time.nullable(),
    uninstalledAt: time.nullable(),
  })
  .meta({ id: 'Portal', description: 'A Bitrix24 installation that installed the application' });

const portalLine = z
  .object({ id: z.int(), name: z.string(), active: z.boolean() })
  .meta({ id: 'Line', description: 'An Open Channel of a portal' });

const portalChange = z
  .strictObject({
    paused: z.boolean().optional().meta({ description: 'False also lifts a block.' }),
    plan: plan.optional(),
  })
  .meta({ id: 'PortalChange' });

function present(row: PortalRow, now: number): unknown {
  const { id, memberId, domain, clientEndpoint, scope, appVersion, botGeneration } = row;
  const state = stateOf(row, now);
  return {
    id,
    memberId,
    domain,
    clientEndpoint,
    state,
    blockedReason: state === 'blocked' ? row.gate.blockedReason : null,
    plan: row.plan,
    scope,
    appVersion,
    botGeneration,
    authorized: row.grants.length > 0 && row.uninstalledAt === null,
    installedAt: row.installedAt.toISOString(),
    setUpAt: timeOf(row.setUpAt),
    uninstalledAt: timeOf(row.uninstalledAt),
  };
}

function stateOf({ uninstalledAt, gate }: PortalRow, now: number): 'active' | 'paused' | 'blocked' | 'uninstalled' {
  if (uninstalledAt) return 'uninstalled';
  if (gate.paused) return 'paused';
  return gate.blockedUntil && gate.blockedUntil.getTime() > now ? 'blocked' : 'active';
}

export const portalRoutes: Route[] = [
  route({
    method: 'get',
    path: '/portals',
    operationId: 'listPortals',
    tag,
    summary: 'Installed portals',
    scope: 'read',
    query: z.strictObject(uuidPage),
    responses: { 200: pageOf(portal) },
    async handler({ deps, query }) {
      const now = deps.clock.now();
      const rows = await listPortals(deps, query);
      return ok(
        toPage(
          rows,
          query,
          ({ id }) => id,
          (row) => present(row, now),
        ),
      );
    },
  }),
  route({
    method: 'get',
    path: '/portals/:id',
    operationId: 'getPortal',
    tag,
    summary: 'One portal',
    scope: 'read',
    params,
    responses: { 200: portal },
    hold: holdPortal,
    handler: async ({ deps, params: { id } }) => ok(present(await getPortal(deps, id), deps.clock.now())),
  }),
  route({
    method: 'patch',
    path: '/portals/:id',
    operationId: 'changePortal',
    tag,
    summary: 'Pause, resume, or set the plan of a portal',
    scope: 'write',
    params,
    description: 'While a portal is paused its work waits and uses up no attempts.',
    body: portalChange,
    example: { paused: false, plan: 'enterprise' },
    responses: { 200: portal },
    handler: async ({ deps, params: { id }, body }) =>
      ok(present(await changePortal(deps, id, body), deps.clock.now())),
  }),
  route({
    method: 'delete',
    path: '/portals/:id',
    operationId: 'erasePortal',
    tag,
    summary: 'Erase the secrets of a portal',
    scope: 'admin',
    params,
    description:
      'Its authorisations and application token are deleted, nothing is sent to it and none of its events is believed any more. Mappings stay, and count again after a new installation.',
    responses: { 200: portal },
    handler: async ({ deps, params: { id } }) => ok(present(await erasePortal(deps, id), deps.clock.now())),
  }),
  route({
    method: 'get',
    path: '/portals/:id/lines',
    operationId: 'listPortalLines',
    tag,
    summary: 'Open Channel lines, asked from the portal now',
    scope: 'read',
    params,
    responses: { 200: pageOf(portalLine) },
    problems: ['portal_unavailable', 'portal_refused'],
    async handler({ deps, params: { id } }) {
      const lines = await portalLines(deps, id);
      return ok({ items: lines.map((line) => ({ ...line, id: Number(line.id) })), nextCursor: null });
    },
  }),
];
