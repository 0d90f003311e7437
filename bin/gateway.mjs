#!/usr/bin/env node
import { existsSync } from 'node:fs';

// A checkout has the source, which is always up to date; an image has what was built of it.
const source = new URL('../src/cli/main.ts', import.meta.url);
if (existsSync(source)) {
  const { register } = await import('tsx/esm/api');
  register();
  await import(source.href);
} else {
  await import('../dist/cli/main.js');
}
