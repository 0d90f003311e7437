import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import formats from 'ajv-formats';
import type { AxiosResponse } from 'axios';

/** The OpenAPI document as a judge of requests and answers. */

export type Schema = Record<string, unknown>;
interface Content {
  content?: Record<string, { schema: Schema; example?: unknown }>;
}
interface Parameter {
  name: string;
  in: 'path' | 'query' | 'header';
  required?: boolean;
  schema: Schema;
}
export interface OpenApiDocument {
  paths: Record<string, Record<string, DocumentedOperation>>;
  components: { schemas: Record<string, Schema> };
}
interface DocumentedOperation {
  operationId: string;
  security?: unknown[];
  parameters?: Parameter[];
  requestBody?: Content & { required?: boolean };
  responses: Record<string, Content & { headers?: Record<string, { required?: boolean }> }>;
}

export interface Operation {
  id: string;
  method: string;
  /** `/admin/v1/portals/{id}` */
  path: string;
  /** Whether it needs a key. */
  keyed: boolean;
  /** Whether it may change something. */
  writes: boolean;
  parameters: Parameter[];
  body: { schema: Schema; example: Record<string, unknown> | undefined; pointer: string } | undefined;
  documented: DocumentedOperation;
}

export interface Call {
  params?: Record<string, string>;
  query?: Record<string, string>;
  headers?: Record<string, string>;
  body?: unknown;
}

const JSON_TYPE = 'application/json';
const escaped = (key: string): string => key.replaceAll('~', '~0').replaceAll('/', '~1');
const pointerTo = (...keys: string[]): string => `#/${keys.map(escaped).join('/')}`;

export const operationsOf = (document: OpenApiDocument): Operation[] =>
  Object.entries(document.paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, documented]) => {
      const [type = JSON_TYPE] = Object.keys(documented.requestBody?.content ?? {});
      const body = documented.requestBody?.content?.[type];
      const pointer = pointerTo('paths', path, method, 'requestBody', 'content', type, 'schema');
      return {
        id: documented.operationId,
        method,
        path,
        keyed: documented.security?.length !== 0,
        writes: method !== 'get' && path.startsWith('/admin/'),
        parameters: documented.parameters ?? [],
        body: body && { schema: body.schema, example: body.example as Record<string, unknown> | undefined, pointer },
        documented,
      };
    }),
  );

export interface Contract {
  operations: Operation[];
  /** What is wrong with it; empty: nothing. */
  faultsOfRequest(operation: Operation, call: Call): string[];
  faultsOfAnswer(operation: Operation, answer: AxiosResponse): string[];
  /** `pointer`: JSON pointer of a schema in the document. */
  faultsOf(pointer: string, value: unknown): string[];
}

export function createContract(document: OpenApiDocument): Contract {
  const asked = validatorsOf(document);
  const answered = validatorsOf(closed(document));

  function faultsOfRequest({ parameters, body }: Operation, call: Call): string[] {
    const given = { path: call.params ?? {}, query: call.query ?? {}, header: call.headers ?? {} };
    const faults = parameters.flatMap(({ name, in: where, required, schema }) => {
      const value = given[where][name];
      if (value === undefined) return required ? [`${where} ${name} is missing`] : [];
      return asked.inline(schema, typed(value, schema)).map((fault) => `${where} ${name} ${fault}`);
    });
    const known = parameters.filter((one) => one.in === 'query').map(({ name }) => name);
    const unknown = Object.keys(given.query).filter((name) => !known.includes(name));
    const ofBody = body && call.body !== undefined ? asked.at(body.pointer, call.body) : [];
    return [...faults, ...unknown.map((name) => `query ${name} is unknown`), ...ofBody];
  }

  function faultsOfAnswer({ path, method, documented }: Operation, answer: AxiosResponse): string[] {
    const status = String(answer.status);
    const described = documented.responses[status];
    if (!described) return [`${status} is not documented: ${JSON.stringify(answer.data)}`];
    const missing = Object.entries(described.headers ?? {})
      .filter(([name, { required }]) => required === true && answer.headers[name.toLowerCase()] === undefined)
      .map(([name]) => `${status}: the header ${name} is missing`);
    const type = String(answer.headers['content-type'] ?? '').split(';')[0]!;
    if (!described.content) return [...missing, ...(answer.data === '' ? [] : [`${status} has a body`])];
    if (!(type in described.content)) return [...missing, `${status}: ${type} is not documented`];
    const at = pointerTo('paths', path, method, 'responses', status, 'content', type, 'schema');
    return [...missing, ...answered.at(at, answer.data).map((fault) => `${status}: ${fault}`)];
  }

  return {
    operations: operationsOf(document),
    faultsOfRequest,
    faultsOfAnswer,
    faultsOf: (pointer, value) => asked.at(pointer, value),
  };
}

/** Of a query or a path, where everything is text. */
function typed(value: string, { type }: Schema): unknown {
  if (type === 'integer' || type === 'number') return Number(value);
  return type === 'boolean' ? value === 'true' : value;
}

// A CommonJS module: TypeScript takes its default export for the module itself.
const addFormats = formats as unknown as (ajv: Ajv2020) => void;

interface Validators {
  at(pointer: string, value: unknown): string[];
  inline(schema: Schema, value: unknown): string[];
}

function validatorsOf(document: object): Validators {
  const ajv = new Ajv2020({ strict: false, allErrors: true });
  addFormats(ajv);
  ajv.addSchema({ ...document, $id: 'openapi' });
  const inlined = new Map<string, ValidateFunction>();
  const faults = (validate: ValidateFunction, value: unknown): string[] =>
    validate(value) ? [] : (validate.errors ?? []).map(({ instancePath, message }) => `${instancePath} ${message}`);
  return {
    at(pointer, value) {
      const validate = ajv.getSchema(`openapi${pointer}`);
      if (!validate) throw new Error(`the document has nothing at ${pointer}`);
      return faults(validate, value);
    },
    inline(schema, value) {
      const text = JSON.stringify(schema);
      const validate =
        inlined.get(text) ?? ajv.compile<unknown>(JSON.parse(text.replaceAll('"#/', '"openapi#/')) as Schema);
      inlined.set(text, validate);
      return faults(validate, value);
    },
  };
}

/** The same document with answers that have no member it does not know. */
function closed<T>(node: T): T {
  if (Array.isArray(node)) return node.map(closed) as T;
  if (typeof node !== 'object' || node === null) return node;
  const members = Object.entries(node).map(([key, value]: [string, unknown]) => [key, closed(value)] as const);
  const copy: Schema = Object.fromEntries(members);
  const isShape = copy.type === 'object' && copy.properties !== undefined && copy.additionalProperties === undefined;
  return (isShape ? { ...copy, additionalProperties: false } : copy) as T;
}
