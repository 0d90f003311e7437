import http from 'node:http';
import type { AddressInfo } from 'node:net';
import express from 'express';

export interface ReceivedEvent {
  readonly event: string;
  readonly data: unknown;
  readonly auth: Record<string, string>;
  readonly ts: string;
  readonly event_handler_id: string;
}

/** An application's door for events, as plain Express reads it. */
export interface Inbox {
  readonly url: string;
  readonly events: ReceivedEvent[];
  /** Raw bodies, undecoded. */
  readonly bodies: string[];
  /** Status the door answers with. */
  status: number;
  named(event: string): ReceivedEvent[];
  close(): Promise<void>;
}

export async function openInbox(): Promise<Inbox> {
  const app = express();
  const bodies: string[] = [];
  const events: ReceivedEvent[] = [];
  const verify = (_req: unknown, _res: unknown, body: Buffer) => void bodies.push(body.toString('utf8'));
  app.use(express.urlencoded({ extended: true, verify }));
  app.post('/events', (req, res) => {
    events.push(req.body as ReceivedEvent);
    res.status(inbox.status).end();
  });
  const server = http.createServer(app);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const inbox: Inbox = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/events`,
    events,
    bodies,
    status: 200,
    named: (event) => events.filter((received) => received.event === event),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  return inbox;
}
