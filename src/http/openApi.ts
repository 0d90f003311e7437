import express from 'express';
import swaggerUi from 'swagger-ui-express';
import {
  createDocument,
  type CreateDocumentOptions,
  type oas31,
  type ZodOpenApiObject,
  type ZodOpenApiOperationObject,
  type ZodOpenApiPathsObject,
} from 'zod-openapi';
import { z } from 'zod';
import { type ProblemCode, PROBLEMS } from '../kit/errors.ts';
import { webhookBodySchema } from '../messenger/payload.ts';
import type { Route } from './admin/route.ts';
import { routes } from './admin/routes.ts';
import { PROBLEM_CONTENT_TYPE } from './problem.ts';

/** The OpenAPI document is made of the tables and schemas that serve the requests: it cannot say anything else. */

const ADMIN_PATH = '/admin/v1';
const ALWAYS: readonly ProblemCode[] = [
  'unauthorized',
  'insufficient_scope',
  'too_many_wrong_keys',
  'internal',
  'not_stored',
];
const WITH_BODY: readonly ProblemCode[] = [
  'invalid_request',
  'invalid_json',
  'payload_too_large',
  'unsupported_media_type',
];
const WITH_UPLOAD: readonly ProblemCode[] = ['invalid_request', 'payload_too_large', 'unsupported_media_type'];
const KEYED: readonly ProblemCode[] = ['idempotency_conflict', 'idempotency_mismatch'];
const OF_WEBHOOKS: readonly ProblemCode[] = [
  ...WITH_BODY,
  'invalid_signature',
  'signature_expired',
  'unknown_messenger',
  'not_stored',
];

const problem = z
  .looseObject({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    detail: z.string().optional(),
    code: z.enum(Object.keys(PROBLEMS) as ProblemCode[]).or(z.string()),
    requestId: z.string(),
    errors: z
      .array(z.object({ path: z.string().meta({ description: 'JSON pointer' }), message: z.string() }))
      .optional(),
    portalCode: z.string().optional().meta({ description: 'Error code of the portal' }),
  })
  .meta({ id: 'Problem', description: 'RFC 9457. `code` is what programs decide by.' });

const health = z
  .object({ status: z.enum(['ok', 'failed']), checks: z.record(z.string(), z.enum(['ok', 'failed'])).optional() })
  .meta({ id: 'Health' });

const DESCRIPTION = `Between external messengers and Bitrix24 Open Channels.

Lists answer \`{items, nextCursor}\`; pass \`nextCursor\` as \`cursor\` for the next page. Errors are problem documents
(RFC 9457) with \`code\` and \`requestId\`. A \`POST\` with an \`Idempotency-Key\` is done once, however often it is sent:
its answer is kept for a day and comes back with \`Idempotency-Replayed: true\`. What a \`GET\` shows has an \`ETag\`; with it
as \`If-Match\` a change is done only if nobody changed anything meanwhile. What needs the portal is waited for up
to five seconds: \`state\` tells whether it is \`ready\`, has \`failed\`, or is still \`pending\`.`;

export function describeApi(): oas31.OpenAPIObject {
  const api: ZodOpenApiObject = {
    openapi: '3.1.0',
    info: { title: 'Open Channel Gateway', version: '1', description: DESCRIPTION },
    servers: [{ url: '/' }],
    security: [{ apiKey: [] }],
    tags: [...new Set(['Webhooks', ...routes.map(({ tag }) => tag), 'Health'])].map((name) => ({ name })),
    paths: { '/webhooks/{messenger}': { post: webhook }, ...adminPaths(), ...healthPaths, ...metricsPath },
    components: {
      securitySchemes: {
        apiKey: { type: 'http', scheme: 'bearer', description: 'Scopes: `read`, `write`, `admin`.' },
      },
    },
  };
  return createDocument(api, { override: simplify });
}

/** Answers may get members one day, and what zod says of every integer, date and UUID tells nobody anything. */
const simplify: CreateDocumentOptions['override'] = ({ jsonSchema, io }) => {
  if (io === 'output' && jsonSchema.additionalProperties === false) delete jsonSchema.additionalProperties;
  if (jsonSchema.format !== undefined) delete jsonSchema.pattern;
  if (jsonSchema.minimum === Number.MIN_SAFE_INTEGER) delete jsonSchema.minimum;
  if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum;
};

function adminPaths(): ZodOpenApiPathsObject {
  const paths: ZodOpenApiPathsObject = {};
  for (const route of routes) {
    const path = ADMIN_PATH + route.path.replaceAll(/:(\w+)/g, '{$1}');
    paths[path] = { ...paths[path], [route.method]: operation(route) };
  }
  return paths;
}

function operation(route: Route): ZodOpenApiOperationObject {
  const { operationId, tag, summary, description, scope, body, upload, example } = route;
  return {
    operationId,
    tags: [tag],
    summary,
    description: [description, `Scope: \`${scope}\`.`].filter(Boolean).join('\n\n'),
    requestParams: {
      ...(isEmpty(route.params) ? {} : { path: route.params }),
      ...(isEmpty(route.query) ? {} : { query: route.query }),
      ...headersOf(route),
    },
    ...(body && !isEmpty(body) ? { requestBody: json(body, { optional: body.safeParse({}).success, example }) } : {}),
    ...(upload ? { requestBody: streamed(upload) } : {}),
    responses: { ...answers(route), ...problems(refusals(route)) },
  };
}

const isEmpty = (schema: z.ZodObject): boolean => Object.keys(schema.shape).length === 0;

/** Whether there is a `GET` of the same path that a change is compared with. */
const isConditional = ({ method, path }: Route): boolean =>
  method !== 'post' && method !== 'get' && routes.some((other) => other.path === path && other.method === 'get');

const etag = z.string().meta({ examples: ['"pP0bXq2m6oV9sZ1uT4wYc3dKfLh"'] });
const idempotencyHeader = z.object({
  'Idempotency-Key': z.string().max(255).optional().meta({ description: 'The same key, the same request: done once' }),
});
const knownHeader = z.object({
  'If-None-Match': etag.optional().meta({ description: '`ETag` of an earlier answer: 304 when it is still the same' }),
});
const expectedHeader = z.object({
  'If-Match': etag.optional().meta({ description: '`ETag` of the `GET`: nothing is done when it is another by now' }),
});
const shownHeader = z.object({ ETag: etag.meta({ description: 'Changes with anything the answer shows' }) });

function headersOf(route: Route): { header?: z.ZodObject } {
  if (route.method === 'get') return { header: knownHeader };
  if (route.method === 'post') return { header: idempotencyHeader };
  return isConditional(route) ? { header: expectedHeader } : {};
}

const json = (
  schema: z.ZodType,
  { optional = false, example }: { optional?: boolean; example?: object | undefined } = {},
) => ({
  required: !optional,
  content: { 'application/json': { schema, ...(example === undefined ? {} : { example }) } },
});

const streamed = (upload: NonNullable<Route['upload']>) => ({
  required: true,
  content: Object.fromEntries(
    Object.entries(upload).map(([type, example]) => [type, { schema: z.string().meta({ examples: [example] }) }]),
  ),
});

const DONE: Readonly<Record<number, string>> = { 200: 'OK', 201: 'Created', 202: 'It will happen', 204: 'Gone' };

function answers({ method, responses }: Route): ZodOpenApiOperationObject['responses'] {
  const isShown = method === 'get' || method === 'put' || method === 'patch';
  const done = Object.entries(responses).map(([status, schema]) => [
    status,
    {
      description: DONE[Number(status)] ?? status,
      ...(isShown ? { headers: shownHeader } : {}),
      ...(schema ? { content: { 'application/json': { schema } } } : {}),
    },
  ]);
  const known = { 304: { description: 'Still as `If-None-Match` says', headers: shownHeader } };
  return { ...Object.fromEntries(done), ...(method === 'get' ? known : {}) } as ZodOpenApiOperationObject['responses'];
}

function refusals(route: Route): ProblemCode[] {
  return [
    ...ALWAYS,
    ...(isEmpty(route.params) ? [] : (['not_found'] as const)),
    ...(route.body ? WITH_BODY : route.upload ? WITH_UPLOAD : (['invalid_request'] as const)),
    ...(route.method === 'post' ? KEYED : []),
    ...(isConditional(route) ? (['precondition_failed'] as const) : []),
    ...(route.problems ?? []),
  ];
}

/** One answer per status, naming its codes. */
function problems(codes: readonly ProblemCode[]): ZodOpenApiOperationObject['responses'] {
  const statuses = [...new Set(codes.map((code) => PROBLEMS[code].status))];
  const described = (status: number): string =>
    [...new Set(codes)]
      .filter((code) => PROBLEMS[code].status === status)
      .map((code) => `\`${code}\`: ${PROBLEMS[code].title}`)
      .join('; ');
  return Object.fromEntries(
    statuses.map((status) => [
      String(status),
      { description: described(status), content: { [PROBLEM_CONTENT_TYPE]: { schema: problem } } },
    ]),
  );
}

const RENAMED = {
  type: 'conversation.renamed',
  timestamp: '2026-11-20T10:00:00.000Z',
  data: { conversation: { id: 'c-1042', name: 'Order 1042, Anna' } },
};
const webhook: ZodOpenApiOperationObject = {
  operationId: 'receiveWebhook',
  tags: ['Webhooks'],
  summary: 'Events of a messenger',
  description:
    'Signed by the Standard Webhooks scheme with the webhook secret of the messenger. Answered after the events are durable; sending the same event again is harmless.',
  security: [],
  requestParams: {
    path: z.object({ messenger: z.string().meta({ description: 'Slug' }) }),
    header: z.object({
      'webhook-id': z.string().max(200).meta({ description: 'Deduplication key' }),
      'webhook-timestamp': z.string().meta({ description: 'Unix seconds, at most five minutes from now' }),
      'webhook-signature': z
        .string()
        .meta({ description: '`v1,<base64 HMAC-SHA256 of "{id}.{timestamp}.{body}">`, several separated by spaces' }),
    }),
  },
  requestBody: json(webhookBodySchema, { example: RENAMED }),
  responses: {
    '202': {
      description: 'Durable',
      content: {
        'application/json': {
          schema: z.object({ accepted: z.int(), duplicates: z.int() }).meta({ id: 'AcceptedEvents' }),
        },
      },
    },
    ...problems(OF_WEBHOOKS),
  },
};

const healthAnswer = (description: string) => ({ description, content: { 'application/json': { schema: health } } });
const healthPaths: ZodOpenApiPathsObject = {
  '/health/live': {
    get: {
      operationId: 'live',
      tags: ['Health'],
      summary: 'The process answers',
      security: [],
      responses: { '200': healthAnswer('OK') },
    },
  },
  '/health/ready': {
    get: {
      operationId: 'ready',
      tags: ['Health'],
      summary: 'Everything it needs works',
      security: [],
      responses: { '200': healthAnswer('OK'), '503': healthAnswer('Something does not work') },
    },
  },
};

const metricsPath: ZodOpenApiPathsObject = {
  '/metrics': {
    get: {
      operationId: 'metrics',
      tags: ['Health'],
      summary: 'Metrics for Prometheus',
      description: 'Every one is described in docs/metrics.md.\n\nScope: `read`.',
      responses: {
        '200': { description: 'OK', content: { 'text/plain': { schema: z.string() } } },
        ...problems(['unauthorized', 'insufficient_scope', 'internal']),
      },
    },
  },
};

const PAGE = {
  customSiteTitle: 'Open Channel Gateway',
  // Without it the page asks a foreign host whether the document is valid.
  swaggerOptions: { url: '../openapi.json', validatorUrl: null, persistAuthorization: false },
};

/** `/openapi.json` and its page `/docs`; mounted at `/`. */
export function createDocsRouter(): express.Router {
  const router = express.Router();
  let text: string | undefined;
  router.get('/openapi.json', (_req, res) => {
    text ??= JSON.stringify(describeApi());
    res.type('json').send(text);
  });
  router.use('/docs', swaggerUi.serve, swaggerUi.setup(undefined, PAGE));
  return router;
}
