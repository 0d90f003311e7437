import http from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Express } from 'express';

export interface Listener {
  readonly port: number;
  close(): Promise<void>;
}

/** Listens on loopback: on the preferred port if it is free, else on any. */
export async function listen(app: Express, preferred = 0): Promise<Listener> {
  const server = http.createServer(app);
  await start(server, preferred).catch((error: NodeJS.ErrnoException) => {
    if (preferred === 0 || error.code !== 'EADDRINUSE') throw error;
    return start(server, 0);
  });
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function start(server: http.Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => {
      server.off('error', reject);
      resolve();
    });
  });
}
