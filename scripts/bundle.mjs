/** Joins the command-line program's built modules into few files, since most of a tool's start is finding and opening modules. */
import { chmodSync, mkdtempSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { filesBelow, root } from './process.mjs';

const cli = join(root, 'packages', 'cli');
const library = join(root, 'packages', 'ssh');
const commands = join(cli, 'dist', 'commands');
const output = join(cli, 'bundle');
/** What the bundle was made from, so that an unchanged build costs nothing. */
const stampFile = join(output, 'made-from.txt');

/** Packages that stay packages: they have native parts, or are loaded only when something asks for them. */
const external = ['koffi', 'sodium-native', 'pako', 'bcrypt-pbkdf', '@noble/hashes', '@noble/post-quantum'];

const ownUrl = 'const ownUrl = require("node:url").pathToFileURL(__filename).href;';

/** @type {import('esbuild').BuildOptions} */
const common = {
  bundle: true,
  // A start of a CommonJS file is a third shorter than that of the same code as a module: packages that are named at the top are
  // loaded only where they are used, and V8 takes its cache of the code at once.
  format: 'cjs',
  outExtension: { '.js': '.cjs' },
  define: { 'import.meta.url': 'ownUrl' },
  banner: { js: ownUrl },
  platform: 'node',
  target: 'node20',
  external,
  // Half the size, and every name still there for whoever reads a stack trace.
  minifyWhitespace: true,
  minifySyntax: true,
  logLevel: 'warning',
};

/**
 * Parts of Node that a start need not load: a module that names one at its top gets a stand-in, which loads it when something of it
 * is first used. Such parts as take a call per packet are not here, since going through the stand-in takes its time.
 */
const lateBuiltins = [
  'net',
  'crypto',
  'child_process',
  'dgram',
  'dns',
  'dns/promises',
  'fs/promises',
  'http',
  'os',
  'readline',
  'v8',
  'worker_threads',
];

const standIns =
  'const lateBuiltins={};const lateBuiltin=(name)=>lateBuiltins[name]??=' +
  'new Proxy({},{get:(used,key)=>used[key]??=require(name)[key]});';

/** Started by its file name from the file that holds the key derivation. */
const worker = join(library, 'dist', 'crypto', 'kdf', 'worker.js');
/** @type {import('esbuild').BuildOptions} */
const asModule = { ...common, format: 'esm', outExtension: {}, define: {}, banner: {} };

/**
 * The table of tools names them by their folders; in the bundle each is a file of its own with all that it uses, what it loads later
 * included. Sharing parts between tools saves room on the disk, and every part costs Node a millisecond to find.
 *
 * @type {import('esbuild').Plugin}
 */
const toolsBeside = {
  name: 'tools-beside',
  setup(hooks) {
    hooks.onResolve({ filter: /^\.\/[^/]+\/index\.js$/ }, ({ path, importer }) => {
      if (importer !== join(commands, 'table.js')) return undefined;
      return { path: `./tool-${path.split('/')[1]}.cjs`, external: true };
    });
  },
};

/** @returns {Record<string, string>} */
function toolEntries() {
  const files = filesBelow('.', 'index.js', commands).filter((file) => file.split('/').length === 2);
  return Object.fromEntries(files.map((file) => [`tool-${file.split('/')[0]}`, join(commands, file)]));
}

/** Makes packages/cli/bundle from what the compiler wrote; returns at once where nothing changed. */
export async function bundle() {
  const compiled = ['packages/ssh/dist', 'packages/cli/dist'].flatMap((folder) => filesBelow(folder, '.js'));
  const sources = ['scripts/bundle.mjs', ...compiled];
  const stamp = sources
    .filter((file) => !/\.test\./.test(file))
    .map((file) => `${file} ${statSync(join(root, file)).mtimeMs}\n`)
    .join('');
  if (stamp === readIfThere(stampFile)) return;
  const { build } = await import('esbuild');
  // Made beside the old one and then put in its place: a tool that starts meanwhile finds one or the other, whole.
  const draft = mkdtempSync(join(cli, 'bundle-'));
  try {
    const main = { main: join(cli, 'dist', 'main.js') };
    // What it loads later are the tools' files, which are loaded like itself.
    const loading = { supported: { 'dynamic-import': false }, plugins: [toolsBeside] };
    await build({ ...common, ...loading, entryPoints: main, outdir: draft });
    await build({ ...asModule, entryPoints: { worker }, outdir: draft });
    const { outputFiles } = await build({ ...common, entryPoints: toolEntries(), outdir: draft, write: false });
    for (const { path, text } of outputFiles) writeFileSync(path, loadLate(text), { mode: 0o755 });
    writeFileSync(join(draft, 'made-from.txt'), stamp);
    // A folder made to be temporary is its maker's alone; root's sshd starts parts of itself as its users.
    chmodSync(draft, 0o755);
    removeBundle();
    renameSync(draft, output);
  } finally {
    rmSync(draft, { recursive: true, force: true });
  }
}

/** @param {string} code */
function loadLate(code) {
  const [, rest] = code.split(ownUrl);
  if (rest === undefined) throw new Error('a tool does not begin as it was told to');
  const named = lateBuiltins.join('|');
  for (const [, variable = '', name] of rest.matchAll(
    new RegExp(`([\\w$]+)=__toESM\\(require\\("node:(${named})"\\)`, 'g'),
  )) {
    // `import *` copies what the module has, and the stand-in has nothing yet.
    const use = new RegExp(`(?<![\\w$])${variable.replaceAll('$', '\\$')}\\.(?!default\\b)`);
    if (use.test(rest)) throw new Error(`import node:${name} by default or by names, not as *: it is loaded late`);
  }
  const pattern = new RegExp(`(=|=__toESM\\()require\\("node:(${named})"\\)`, 'g');
  return `${ownUrl}${standIns}${rest.replace(pattern, '$1lateBuiltin("node:$2")')}`;
}

/** Without a bundle the launchers run the compiled modules one by one. */
export function removeBundle() {
  rmSync(output, { recursive: true, force: true });
}

/** @param {string} file */
function readIfThere(file) {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
