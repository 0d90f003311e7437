import { z } from 'zod';
import {
  type ConnectorRow,
  createConnector,
  getConnector,
  listConnectors,
  removeConnector,
} from '../../bridge/admin/connectors.ts';
import { line, time, timeOf, uuid, wiringState } from './fields.ts';
import { pageOf, toPage, uuidPage } from './pages.ts';
import { created, ok, removal, removed, route, type Route } from './route.ts';

const tag = 'Connectors';
const CODE = /^[a-z0-9_]{2,64}$/;
/** Bitrix24's own connectors: they win every look-up, so one of ours of the same name would never be asked (imconnector §3.1). */
const BUILT_IN = [
  'livechat',
  'network',
  'telegrambot',
  'viber',
  'facebook',
  'whatsappbyedna',
  'whatsappbytwilio',
  'max',
];
const MAX_ICON = 200_000;

const portalParams = z.strictObject({ id: uuid });
const params = z.strictObject({ id: uuid, code: z.string().toLowerCase().regex(CODE) });
const kind = z.enum(['direct', 'group']).meta({
  description: '`direct`: one dialog per person. `group`: one dialog per conversation. Cannot be changed later.',
});

const connector = z
  .object({
    code: z.string(),
    portalId: z.uuid(),
    name: z.string(),
    kind,
    icon: z.string().nullable().meta({ description: 'Null: the icon of the gateway' }),
    color: z.string().nullable(),
    state: wiringState,
    lastError: z.string().nullable(),
    registeredAt: time.nullable(),
    createdAt: time,
  })
  .meta({ id: 'Connector', description: 'The registration of the gateway on a portal' });

const newConnector = z
  .strictObject({
    code: z
      .string()
      .toLowerCase()
      .regex(CODE, 'Invalid input: expected 2 to 64 of a-z, 0-9 and _')
      .refine((code) => !BUILT_IN.includes(code), 'Invalid input: the name of a connector of Bitrix24 itself')
      .meta({
        description: 'Of the whole portal: registering a code of another application would take its connector over.',
        examples: ['ocg_support'],
      }),
    name: line(255),
    kind,
    icon: z
      .string()
      .max(MAX_ICON)
      .regex(
        /^data:image\/svg\+xml[;,][!-~ ]+$/,
        'Invalid input: expected a data URI of an SVG image (data:image/svg+xml…)',
      )
      .optional(),
    color: z
      .string()
      .regex(/^#[0-9a-fA-F]{6}$/, 'Invalid input: expected a colour like #1900ff')
      .optional(),
  })
  .meta({ id: 'NewConnector' });

const present = (row: ConnectorRow): unknown => ({
  code: row.code,
  portalId: row.portalId,
  name: row.name,
  kind: row.kind,
  icon: row.icon,
  color: row.color,
  state: row.state,
  lastError: row.lastError,
  registeredAt: timeOf(row.registeredAt),
  createdAt: row.createdAt.toISOString(),
});

export const connectorRoutes: Route[] = [
  route({
    method: 'get',
    path: '/portals/:id/connectors',
    operationId: 'listConnectors',
    tag,
    summary: 'Connectors of a portal',
    scope: 'read',
    params: portalParams,
    query: z.strictObject(uuidPage),
    responses: { 200: pageOf(connector) },
    handler: async ({ deps, params: { id }, query }) =>
      ok(toPage(await listConnectors(deps, id, query), query, (row) => row.id, present)),
  }),
  route({
    method: 'post',
    path: '/portals/:id/connectors',
    operationId: 'createConnector',
    tag,
    summary: 'Register a connector',
    scope: 'write',
    params: portalParams,
    body: newConnector,
    example: { code: 'ocg_support', name: 'Support chat', kind: 'group', color: '#1900ff' },
    responses: { 201: connector },
    problems: ['conflict'],
    handler: async ({ deps, params: { id }, body, requestId }) =>
      created(present(await createConnector(deps, id, body, requestId))),
  }),
  route({
    method: 'get',
    path: '/portals/:id/connectors/:code',
    operationId: 'getConnector',
    tag,
    summary: 'One connector',
    scope: 'read',
    params,
    responses: { 200: connector },
    handler: async ({ deps, params: { id, code } }) => ok(present(await getConnector(deps, id, code))),
  }),
  route({
    method: 'delete',
    path: '/portals/:id/connectors/:code',
    operationId: 'removeConnector',
    tag,
    summary: 'Unregister a connector',
    scope: 'write',
    params,
    responses: removal,
    problems: ['in_use'],
    handler: async ({ deps, params: { id, code }, requestId }) =>
      removed(await removeConnector(deps, id, code, requestId)),
  }),
];
