// Writes gateway.gen.ts: the types of the API, from the document the gateway serves at /openapi.json. Needs no network.
// For a client of your own: npx openapi-typescript http://127.0.0.1:3000/openapi.json -o gateway.gen.ts
import { writeFile } from 'node:fs/promises';
import openapiTypescript, { astToString, type OpenAPI3 } from 'openapi-typescript';
import { describeApi } from '../../src/http/openApi.ts';

const types = await openapiTypescript(JSON.parse(JSON.stringify(describeApi())) as OpenAPI3);
await writeFile(new URL('gateway.gen.ts', import.meta.url), astToString(types));
