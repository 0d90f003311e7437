import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { verifySignature } from '../../src/messenger/signature.ts';
import type { Scene } from './scene.ts';

/** What the gateway delivered. */
export interface Delivered {
  id: string;
  type: string;
  data: Record<string, unknown> & {
    gatewayId: string;
    conversation: { id: string };
    message: {
      text: string;
      html: string;
      markdown: string;
      attachments: { url: string; name: string }[];
      replyToId?: string;
    };
    messageIds: string[];
  };
}

export interface Answer {
  status?: number;
  body?: unknown;
  headers?: Record<string, string>;
}

/** The other side of `deliveryUrl`, and a host of files. */
export interface MessengerStandIn {
  readonly url: string;
  /** Everything that came with a good signature, refused ones included, in order. */
  readonly received: Delivered[];
  /** Requests whose signature fitted none of `secrets`. */
  readonly unsigned: number;
  of(type: string): Delivered[];
  /** How deliveries are answered; by default with an id made of the gateway's. */
  answerWith(next: (delivery: Delivered) => Answer | Promise<Answer>): void;
  /** Serves a file; returns its address. */
  file(path: string, file: { body: string | Buffer; type: string; status?: number; guarded?: boolean }): string;
  readonly fetched: string[];
  close(): Promise<void>;
}

export const idOf = (delivery: Delivered): string => `x-${delivery.data.gatewayId}`;

/** The messenger of a scene, which the gateway delivers to from now on. */
export async function listenIn(scene: Scene): Promise<MessengerStandIn> {
  const messenger = await startMessenger({
    secrets: () => [scene.deliverySecret],
    now: () => scene.sandbox.clock.now(),
  });
  await scene.api.patch('/messengers/chat', { deliveryUrl: messenger.url });
  return messenger;
}

export async function startMessenger(options: {
  secrets: () => readonly string[];
  now: () => number;
}): Promise<MessengerStandIn> {
  const received: Delivered[] = [];
  const fetched: string[] = [];
  const files = new Map<string, { body: string | Buffer; type: string; status?: number; guarded?: boolean }>();
  let unsigned = 0;
  let next: (delivery: Delivered) => Answer | Promise<Answer> = (delivery) =>
    delivery.type === 'operator.message.created' ? { body: { messageIds: [idOf(delivery)] } } : {};

  const isSigned = (req: http.IncomingMessage, body: Buffer): boolean => {
    const header = (name: string): string => String(req.headers[name] ?? '');
    try {
      verifySignature({
        id: header('webhook-id'),
        timestamp: header('webhook-timestamp'),
        signatures: header('webhook-signature'),
        body,
        secrets: options.secrets(),
        now: options.now(),
      });
      return true;
    } catch {
      return false;
    }
  };

  async function handle(req: http.IncomingMessage, res: http.ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of req) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks);
    if (req.method === 'GET') return serve(req, res, body);
    if (!isSigned(req, body)) {
      unsigned++;
      res.writeHead(401).end();
      return;
    }
    const delivery = { ...(JSON.parse(body.toString()) as Delivered), id: String(req.headers['webhook-id']) };
    received.push(delivery);
    const answer = await next(delivery);
    res.writeHead(answer.status ?? 200, { 'content-type': 'application/json', ...answer.headers });
    res.end(answer.body === undefined ? '' : JSON.stringify(answer.body));
  }

  function serve(req: http.IncomingMessage, res: http.ServerResponse, body: Buffer): void {
    const path = String(req.url);
    fetched.push(path);
    const file = files.get(path);
    if (!file) return void res.writeHead(404).end();
    if (file.guarded && !isSigned(req, body)) return void res.writeHead(403).end();
    res.writeHead(file.status ?? 200, { 'content-type': file.type }).end(file.body);
  }

  const server = http.createServer((req, res) => void handle(req, res));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

  return {
    url: `${origin}/deliveries`,
    received,
    fetched,
    get unsigned() {
      return unsigned;
    },
    of: (type) => received.filter((delivery) => delivery.type === type),
    answerWith(answer) {
      next = answer;
    },
    file(path, file) {
      files.set(path, file);
      return origin + path;
    },
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
