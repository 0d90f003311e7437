import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

/** The files of the page: its own modules beside this file, and the libraries as their packages ship them. */

export interface Asset {
  type: string;
  body: Buffer;
}

export interface Assets {
  /** Changes with any byte of any file, so that browsers may keep them for ever. */
  version: string;
  /** By path below the version, such as `app.js` or `vendor/preact.js`. */
  files: ReadonlyMap<string, Asset>;
}

const TYPES: Readonly<Record<string, string>> = {
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
};

/** How page modules name a library, and the file of its package that serves it. */
const LIBRARIES: Readonly<Record<string, readonly [specifier: string, file: string]>> = {
  preact: ['preact', 'dist/preact.mjs'],
  'preact/hooks': ['preact', 'hooks/dist/hooks.mjs'],
  '@preact/signals': ['@preact/signals', 'dist/signals.mjs'],
  '@preact/signals-core': ['@preact/signals-core', 'dist/signals-core.mjs'],
  htm: ['htm', 'dist/htm.mjs'],
};

/** uPlot's ES module is not minified; this one makes a global, and is loaded when the first plot is drawn. */
const UPLOT = { script: 'dist/uPlot.iife.min.js', style: 'dist/uPlot.min.css' };

const fileOf = (library: string): string => `vendor/${library.replace('@', '').replaceAll('/', '-')}.js`;

/** The import map's `imports`, below `base`. */
export const importsBelow = (base: string): Record<string, string> =>
  Object.fromEntries(Object.keys(LIBRARIES).map((library) => [library, `${base}/${fileOf(library)}`]));

export function loadAssets(): Assets {
  const files = new Map<string, Asset>([...ownFiles(), ...libraries()]);
  const digest = createHash('sha256');
  for (const [name, { body }] of [...files].sort(([a], [b]) => (a < b ? -1 : 1))) digest.update(name).update(body);
  return { version: digest.digest('hex').slice(0, 16), files };
}

const assetOf = (name: string, body: Buffer): [string, Asset] => [
  name,
  { type: TYPES[path.extname(name)] ?? 'application/octet-stream', body },
];

function ownFiles(): [string, Asset][] {
  const folder = fileURLToPath(new URL('./page/', import.meta.url));
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => Object.hasOwn(TYPES, path.extname(name)))
    .map((name) => assetOf(name.split(path.sep).join('/'), readFileSync(path.join(folder, name))));
}

function libraries(): [string, Asset][] {
  const modules = Object.entries(LIBRARIES).map(([library, [name, file]]) =>
    assetOf(fileOf(library), read(name, file)),
  );
  const script = assetOf('vendor/uplot.js', read('uplot', UPLOT.script));
  const style = assetOf('vendor/uplot.css', read('uplot', UPLOT.style));
  return [...modules, script, style];
}

const require = createRequire(import.meta.url);

/** Found where Node finds the package, wherever it was installed to; not every package lets its files be resolved. */
function read(name: string, file: string): Buffer {
  const folder = (require.resolve.paths(name) ?? []).map((modules) => path.join(modules, name, file));
  for (const candidate of folder) {
    try {
      // What only a debugger reads is another request to it.
      return Buffer.from(readFileSync(candidate, 'utf8').replace(/\n?\/\/# sourceMappingURL=.*\s*$/, '\n'));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  }
  throw new Error(`the package ${name} has no ${file}: run npm ci`);
}
