import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Received {
  method: string;
  url: string;
  headers: IncomingMessage['headers'];
  body: string;
}

type Reply = (request: Received, response: ServerResponse) => void;

export interface TinyServer {
  url: string;
  received: Received[];
  /** What the next requests are answered with; the last one stays. */
  replies: Reply[];
  close(): Promise<void>;
}

/** A server on a free port of this machine that answers a script. */
export async function tinyServer(...replies: Reply[]): Promise<TinyServer> {
  const received: Received[] = [];
  const script = [...replies];
  const server = createServer((incoming, response) => {
    const chunks: Buffer[] = [];
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
    incoming.on('end', () => {
      const { method = '', url = '', headers } = incoming;
      const request = { method, url, headers, body: Buffer.concat(chunks).toString('utf8') };
      received.push(request);
      const reply = script.length > 1 ? script.shift() : script[0];
      if (reply) reply(request, response);
      else response.destroy();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    received,
    replies: script,
    async close() {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}

export const text =
  (status: number, body: string, headers: Record<string, string> = {}): Reply =>
  (_request, response) => {
    response.writeHead(status, { 'content-type': 'text/html', ...headers }).end(body);
  };

export const json =
  (status: number, body: unknown): Reply =>
  (_request, response) => {
    response.writeHead(status, { 'content-type': 'application/json; charset=utf-8' }).end(JSON.stringify(body));
  };

/** The connection breaks after the request was read. */
export const reset: Reply = (_request, response) => {
  response.socket?.resetAndDestroy();
};

/** Reads the request and never answers. */
export const silence: Reply = () => {};
