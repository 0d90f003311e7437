import createClient, { type Client } from 'openapi-fetch';
import type { components, paths } from './gateway.gen.ts';

export type Gateway = Client<paths>;
export type Conversation = components['schemas']['Conversation'];

export const connect = (baseUrl: string, key: string): Gateway =>
  createClient<paths>({ baseUrl, headers: { Authorization: `Bearer ${key}` } });

/** All of them, page by page. */
export async function* conversations(gateway: Gateway): AsyncGenerator<Conversation> {
  let cursor: string | undefined;
  do {
    const query = { limit: 100, ...(cursor === undefined ? {} : { cursor }) };
    const { data, error } = await gateway.GET('/admin/v1/conversations', { params: { query } });
    if (!data) throw new Error(`${error.code}: ${error.detail ?? error.title} (request ${error.requestId})`);
    yield* data.items;
    cursor = data.nextCursor ?? undefined;
  } while (cursor !== undefined);
}

/** `decide` sees the conversation as it is now; it is asked again when somebody else was faster. */
export async function rename(
  gateway: Gateway,
  id: string,
  decide: (conversation: Conversation) => string,
): Promise<Conversation> {
  for (;;) {
    const params = { path: { id } };
    const { data: known, response: shown } = await gateway.GET('/admin/v1/conversations/{id}', { params });
    if (!known) throw new Error(`there is no conversation ${id}`);
    const { data, error, response } = await gateway.PATCH('/admin/v1/conversations/{id}', {
      params: { ...params, header: { 'If-Match': shown.headers.get('etag') ?? '*' } },
      body: { name: decide(known) },
    });
    if (data) return data;
    if (response.status !== 412) throw new Error(`${error.code}: ${error.detail ?? error.title}`);
  }
}
