#!/usr/bin/env node
// The console's page is served as it is written: `npm run build` puts it beside the compiled server.
import { cpSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const folder = (path) => fileURLToPath(new URL(`../${path}/http/console/page/`, import.meta.url));
rmSync(folder('dist'), { recursive: true, force: true });
cpSync(folder('src'), folder('dist'), {
  recursive: true,
  filter: (file) => !file.endsWith('tsconfig.json'),
});
