// The floors the gateway is held against, each a process of its own: node --import tsx bench/floors.ts <kind>
// Prints its port. Kinds: http (bare node), express (parses and verifies), prisma (one row insert per request),
// direct (verifies and calls the portal inside the request).
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import axios from 'axios';
import express from 'express';
import { createDatabase } from '../src/db/database.ts';
import { verifySignature } from '../src/messenger/signature.ts';

const { SECRET: secret = '', DATABASE_URL: url = '', PORTAL_URL: portal = '', TOKEN: auth = '' } = process.env;

function verify(
  headers: IncomingMessage['headers'],
  body: Buffer,
): { data: { conversation: { id: string; name: string } } } {
  verifySignature({
    id: String(headers['webhook-id']),
    timestamp: String(headers['webhook-timestamp']),
    signatures: String(headers['webhook-signature']),
    body,
    secrets: [secret],
    now: Date.now(),
  });
  return JSON.parse(body.toString()) as { data: { conversation: { id: string; name: string } } };
}

function bareHttp(req: IncomingMessage, res: ServerResponse): void {
  const chunks: Buffer[] = [];
  req.on('data', (chunk: Buffer) => chunks.push(chunk));
  req.on('end', () => {
    verify(req.headers, Buffer.concat(chunks));
    res.writeHead(202, { 'content-type': 'application/json' }).end('{"accepted":1,"duplicates":0}');
  });
}

type Work = (event: ReturnType<typeof verify>, id: string) => Promise<unknown>;

function expressApp(work: Work): express.Express {
  const app = express();
  app.post('/webhooks/bench', express.raw({ type: () => true, limit: '1mb' }), async (req, res) => {
    await work(verify(req.headers, req.body as Buffer), String(req.headers['webhook-id']));
    res.status(202).json({ accepted: 1, duplicates: 0 });
  });
  return app;
}

const nothing: Work = () => Promise.resolve();

function prismaInsert(): Work {
  const db = createDatabase({ url });
  return (event, eventId) =>
    db.prisma.webhookEvent.create({
      data: { messengerId: process.env.MESSENGER_ID ?? '', eventId, type: 'bench', payload: event, requestId: eventId },
    });
}

/** What a naive handler does: the portal is called before the messenger is answered. */
const direct: Work = ({ data: { conversation } }) =>
  axios.post(`${portal}/imconnector.chat.name.set`, {
    auth,
    CONNECTOR: process.env.CONNECTOR,
    LINE: '1',
    CHAT_ID: conversation.id,
    NAME: conversation.name,
  });

const kind = process.argv[2];
const server = createServer(
  kind === 'http' ? bareHttp : expressApp(kind === 'prisma' ? prismaInsert() : kind === 'direct' ? direct : nothing),
);
server.listen(0, '127.0.0.1', () => console.log((server.address() as AddressInfo).port));
