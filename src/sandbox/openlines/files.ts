import http from 'node:http';
import type { Portal } from '../hit.ts';
import { isArray, toText } from '../php/values.ts';
import type { FileRow } from './messages.ts';

const NAME_LENGTH = 50;
const TIMEOUT_MS = 30_000;
const LOOPBACK = /^http:\/\/(127\.0\.0\.1|localhost)[:/]/;

export interface Fetched {
  readonly mime: string;
  readonly size: number;
}

/**
 * Fetches like the portal: redirects followed, 200 or nothing. Only loopback is really visited; any other address counts as
 * there, because a stand-in must not call the world.
 */
export async function fetchUrl(url: string, redirects = 3): Promise<Fetched | undefined> {
  if (!LOOPBACK.test(url))
    return /^https?:\/\//.test(url) ? { mime: 'application/octet-stream', size: 1024 } : undefined;
  const answer = await visit(url);
  if (!answer) return undefined;
  if (answer.location && redirects > 0) return fetchUrl(new URL(answer.location, url).href, redirects - 1);
  return answer.status === 200 ? { mime: answer.mime, size: answer.size } : undefined;
}

interface Visited extends Fetched {
  readonly status: number;
  readonly location: string | undefined;
}

function visit(url: string): Promise<Visited | undefined> {
  return new Promise((resolve) => {
    const request = http.get(url, { timeout: TIMEOUT_MS, agent: false }, (response) => {
      let size = 0;
      response.on('data', (chunk: Buffer) => (size += chunk.length));
      response.once('error', () => resolve(undefined));
      response.once('end', () =>
        resolve({
          status: response.statusCode ?? 0,
          location: response.headers.location,
          mime: response.headers['content-type']?.split(';', 1)[0] ?? 'application/octet-stream',
          size,
        }),
      );
    });
    request.once('timeout', () => request.destroy());
    request.once('error', () => resolve(undefined));
  });
}

/** Files that cannot be fetched are dropped without a word (contract imconnector §3.7). */
export async function saveFiles(portal: Portal, sent: unknown): Promise<FileRow[]> {
  const saved: FileRow[] = [];
  for (const file of isArray(sent) ? Object.values(sent) : []) {
    const url = isArray(file) ? toText(file.url) : '';
    const fetched = url === '' ? undefined : await fetchUrl(url);
    if (!fetched) continue;
    const name = (isArray(file) ? toText(file.name) : '') || (url.split('/').at(-1) ?? 'file');
    saved.push({ id: portal.nextId('file'), name: name.slice(-NAME_LENGTH), url, ...fetched });
  }
  return saved;
}
