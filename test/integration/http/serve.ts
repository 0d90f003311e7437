import { once } from 'node:events';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import axios, { type AxiosInstance } from 'axios';
import express, { type RequestHandler, type Router } from 'express';
import type { LogFields, Logger } from '../../../src/kit/logger.ts';
import { createProblemHandler, notFound } from '../../../src/http/problem.ts';
import { requestId } from '../../../src/http/requestId.ts';

export interface LogLine {
  level: string;
  event: string;
  fields: LogFields;
}

export interface Site {
  port: number;
  /** Answers every status instead of throwing. */
  http: AxiosInstance;
  lines: LogLine[];
  close(): Promise<void>;
}

/** A problem document, as a client sees it. */
export interface ProblemDocument {
  type: string;
  title: string;
  status: number;
  detail?: string;
  code: string;
  requestId: string;
  errors?: { path: string; message: string }[];
  portalCode?: string;
}

/** A server on a free port of 127.0.0.1 with the doors given, between the request id and the problem handler. */
export async function serve(doors: (log: Logger) => (Router | RequestHandler)[]): Promise<Site> {
  const lines: LogLine[] = [];
  const log = recorder(lines);
  const app = express();
  app.use(requestId, ...doors(log), notFound, createProblemHandler({ log }));
  const server: Server = app.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const http = axios.create({ baseURL: `http://127.0.0.1:${port}`, validateStatus: () => true, proxy: false });
  const close = async (): Promise<void> => {
    server.close();
    server.closeAllConnections();
    await once(server, 'close');
  };
  return { port, http, lines, close };
}

function recorder(lines: LogLine[]): Logger {
  const write =
    (level: string) =>
    (event: string, fields: LogFields = {}): void =>
      void lines.push({ level, event, fields });
  return { error: write('error'), warn: write('warn'), info: write('info'), debug: write('debug') };
}
