import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

/**
 * The rules of the house. Floors: kit → messenger | bitrix24 | db → outbox → bridge → http → app → main; what measures
 * stands beside them, on kit and db.
 * What a lower floor needs from above is passed in as a small type it declares itself.
 */
const BELOW_HTTP = ['kit', 'messenger', 'bitrix24', 'db', 'outbox', 'bridge'];
const MAY_IMPORT: Record<string, readonly string[]> = {
  kit: [],
  messenger: ['kit'],
  bitrix24: ['kit'],
  db: ['kit', 'generated'],
  outbox: ['kit', 'db'],
  bridge: ['kit', 'messenger', 'bitrix24', 'db', 'outbox'],
  http: BELOW_HTTP,
  metrics: ['kit', 'db'],
  sandbox: [],
  cli: ['kit'],
  'config.ts': ['kit'],
  wiring: [...BELOW_HTTP, 'metrics', 'http', 'config.ts'],
  'app.ts': ['kit', 'outbox', 'bridge', 'http', 'config.ts', 'wiring'],
  'sandboxMode.ts': ['sandbox', 'app.ts'],
  'notice.ts': ['messenger', 'sandboxMode.ts'],
  'main.ts': [...BELOW_HTTP, 'config.ts', 'app.ts', 'sandboxMode.ts', 'notice.ts'],
};
const MAX_LINES = 350;
const READERS_OF_THE_ENVIRONMENT = ['main.ts', 'cli/main.ts', 'sandbox/main.ts'];
const FORBIDDEN_NAMES = ['index.ts', 'utils.ts', 'util.ts', 'helpers.ts'];

interface SourceFile {
  /** Relative to src/, with slashes. */
  name: string;
  text: string;
  /** The files of ours it imports, types included, relative to src/. */
  imports: string[];
}

const root = fileURLToPath(new URL('../../src', import.meta.url));
const files = readdirSync(root, { recursive: true, encoding: 'utf8' })
  .map((name) => name.split(path.sep).join('/'))
  .filter((name) => name.endsWith('.ts') && !name.startsWith('generated/'))
  .sort()
  .map(read);

function read(name: string): SourceFile {
  const text = readFileSync(path.join(root, name), 'utf8');
  const imports = ts
    .preProcessFile(text, true, true)
    .importedFiles.filter(({ fileName }) => fileName.startsWith('.'))
    .map(({ fileName }) => path.posix.normalize(path.posix.join(path.posix.dirname(name), fileName)));
  return { name, text, imports };
}

/** `http/problem.ts` stands on the floor `http`, `app.ts` on its own. */
const floorOf = (name: string): string => name.split('/')[0]!;

const isAllowed = (from: string, to: string): boolean =>
  from === to || (Object.hasOwn(MAY_IMPORT, from) && MAY_IMPORT[from]!.includes(to));

/** The first way found from a file back to itself, over each group of files that import each other. */
function cycles(): string[] {
  const importsOf = new Map(files.map(({ name, imports }) => [name, imports]));
  const finished = new Set<string>();
  const found: string[] = [];
  const visit = (name: string, way: string[]): void => {
    if (way.includes(name)) {
      found.push([...way.slice(way.indexOf(name)), name].join(' → '));
      return;
    }
    if (finished.has(name)) return;
    for (const next of importsOf.get(name) ?? []) visit(next, [...way, name]);
    finished.add(name);
  };
  for (const { name } of files) visit(name, []);
  return found;
}

/** Where code, not a comment, reads the environment: `process.env`, `{ env } = process`, `import { env }`. */
function readsEnvironment({ name, text }: SourceFile): boolean {
  const source = ts.createSourceFile(name, text, ts.ScriptTarget.Latest, true);
  const isProcess = (node: ts.Node | undefined): boolean =>
    node !== undefined && /^(globalThis\.)?process$/.test(node.getText(source));
  const found = (node: ts.Node): boolean => {
    if (ts.isPropertyAccessExpression(node) && node.name.text === 'env' && isProcess(node.expression)) return true;
    if (ts.isElementAccessExpression(node) && isProcess(node.expression)) return true;
    if (ts.isVariableDeclaration(node) && ts.isObjectBindingPattern(node.name) && isProcess(node.initializer)) {
      return node.name.elements.some((element) => (element.propertyName ?? element.name).getText(source) === 'env');
    }
    if (ts.isImportDeclaration(node) && /^'(node:)?process'$/.test(node.moduleSpecifier.getText(source))) return true;
    return ts.forEachChild(node, (child) => found(child) || undefined) ?? false;
  };
  return found(source);
}

it('there is something to look at', () => {
  expect(files.map(({ name }) => name)).toEqual(expect.arrayContaining(['kit/errors.ts', 'http/problem.ts']));
  expect(files.find(({ name }) => name === 'http/problem.ts')!.imports).toContain('kit/errors.ts');
});

it('every file stands on a floor', () => {
  expect(files.map(({ name }) => floorOf(name)).filter((floor) => !Object.hasOwn(MAY_IMPORT, floor))).toEqual([]);
});

it('imports point down only', () => {
  const upward = files.flatMap(({ name, imports }) =>
    imports.filter((to) => !isAllowed(floorOf(name), floorOf(to))).map((to) => `${name} imports ${to}`),
  );
  expect(upward).toEqual([]);
});

it('no file imports itself by way of others', () => {
  expect(cycles()).toEqual([]);
});

it('a file is named after what it does', () => {
  const nameless = files.filter(({ name }) => FORBIDDEN_NAMES.includes(path.posix.basename(name)));
  expect(nameless.map(({ name }) => name)).toEqual([]);
});

it('the environment is read where the process starts, and nowhere else', () => {
  const readers = files.filter((file) => !READERS_OF_THE_ENVIRONMENT.includes(file.name) && readsEnvironment(file));
  expect(readers.map(({ name }) => name)).toEqual([]);
});

it(`no file has more than ${MAX_LINES} lines`, () => {
  const long = files.map(({ name, text }) => ({ name, lines: text.split('\n').length - 1 }));
  expect(long.filter(({ lines }) => lines > MAX_LINES)).toEqual([]);
});
