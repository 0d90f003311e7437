import { get as httpGet } from 'node:http';
import { get as httpsGet } from 'node:https';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { createAgents, publicLookup } from '../../../src/bitrix24/agents.ts';
import { json, tinyServer } from './tinyServer.ts';

/** The code a request ends with. */
const ending = (start: () => ReturnType<typeof httpGet>): Promise<unknown> =>
  new Promise((resolve) => {
    start()
      .on('error', (error: NodeJS.ErrnoException) => resolve(error.code))
      .on('response', (response) => response.resume().on('end', () => resolve(response.statusCode)));
  });

test('a server that accepts and never speaks TLS is given up before anything is sent', async () => {
  const sockets: Socket[] = [];
  const server: Server = createServer((socket) => sockets.push(socket.on('error', () => undefined)));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const agents = createAgents({ allowInsecure: true }, { connectTimeoutMs: 50 });
  const { port } = server.address() as AddressInfo;
  expect(await ending(() => httpsGet({ host: '127.0.0.1', port, agent: agents.httpsAgent }))).toBe('ECONNECTTIMEOUT');
  agents.destroy();
  for (const socket of sockets) socket.destroy();
  await new Promise((resolve) => server.close(resolve));
});

test('the time to connect ends no request that is already answered slowly, and the connection is used again', async () => {
  const slow: Parameters<typeof tinyServer>[0] = (_request, response) => void setTimeout(() => response.end('{}'), 60);
  const server = await tinyServer(slow);
  const agents = createAgents({ allowInsecure: true }, { connectTimeoutMs: 20 });
  const ask = () => httpGet(`${server.url}/`, { agent: agents.httpAgent });
  expect(await ending(ask)).toBe(200);
  const again = ask();
  expect(await ending(() => again)).toBe(200);
  expect(again.reusedSocket).toBe(true);
  agents.destroy();
  await server.close();
});

test('a name of our own network has no address', async () => {
  const found = (hostname: string, all: boolean): Promise<unknown> =>
    new Promise((resolve) => {
      publicLookup(hostname, { all }, (error, address) => resolve(error ? error.code : address));
    });
  expect(await found('localhost', true)).toBe('EPRIVATEADDRESS');
  expect(await found('localhost', false)).toBe('EPRIVATEADDRESS');
  expect(await found('portal.invalid', false)).toMatch(/^E/);
});

test('only gateways that allow it connect to private addresses by name', async () => {
  const server = await tinyServer(json(200, {}));
  const { port } = new URL(server.url);
  for (const [allowInsecure, outcome] of [
    [true, 200],
    [false, 'EPRIVATEADDRESS'],
  ] as const) {
    const agents = createAgents({ allowInsecure });
    expect(await ending(() => httpGet({ host: 'localhost', family: 4, port, agent: agents.httpAgent }))).toBe(outcome);
    agents.destroy();
  }
  await server.close();
});
