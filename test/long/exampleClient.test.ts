import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import ts from 'typescript';
import { type Scene, startScene } from '../support/scene.ts';

const run = promisify(execFile);
const folder = fileURLToPath(new URL('../../examples/client/', import.meta.url));
const script = (name: string, env: Record<string, string> = {}) =>
  run(process.execPath, ['--import', 'tsx', `${folder}${name}`], { env: { ...process.env, ...env } });

let scene: Scene;
beforeAll(async () => {
  [scene] = await Promise.all([startScene(), script('generate.ts')]);
}, 60_000);
afterAll(() => scene.close());

test('the client lists conversations and renames one', async () => {
  await scene.rename('c-1', 'Order 1');
  await scene.rename('c-2', 'Order 2');
  await Promise.all(['c-1', 'c-2'].map((id) => scene.conversation(id, ({ name }) => name.wanted !== null)));
  const key = await scene.gateway.issueKey('example', ['write']);
  const { stdout } = await script('main.ts', { GATEWAY_URL: scene.gateway.publicUrl, API_KEY: key });
  expect(stdout).toContain('c-1\tOrder 1\t');
  expect(stdout).toContain('c-2\tOrder 2\t');
  const renamed = /^(c-\d) is to be called: (Order \d ✓)$/m.exec(stdout);
  expect(renamed).not.toBeNull();
  expect((await scene.find(renamed![1]!))?.name.wanted).toBe(renamed![2]);
});

test('the client fits the types that are made of the document', () => {
  const read = ts.readConfigFile(`${folder}tsconfig.json`, (file) => ts.sys.readFile(file));
  const { fileNames, options } = ts.parseJsonConfigFileContent(read.config, ts.sys, folder);
  const faults = ts.getPreEmitDiagnostics(ts.createProgram(fileNames, options));
  expect(faults.map(({ file, messageText }) => [file?.fileName, messageText])).toEqual([]);
  expect(fileNames).toHaveLength(2);
});
