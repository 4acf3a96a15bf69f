/** Joins the command-line program's built modules into few files, since most of a tool's start is finding and opening modules. */
import { mkdtempSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { filesBelow, root } from './process.mjs';

const cli = join(root, 'packages', 'cli');
const output = join(cli, 'bundle');
/** What the bundle was made from, so that an unchanged build costs nothing. */
const stampFile = join(output, 'made-from.txt');

/** Packages that stay packages: they have native parts, or are loaded only when something asks for them. */
const external = ['koffi', 'sodium-native', 'pako', 'bcrypt-pbkdf', '@noble/*'];

/** Makes packages/cli/bundle from what the compiler wrote; returns at once where nothing changed. */
export async function bundle() {
  const sources = ['packages/ssh/dist', 'packages/cli/dist'].flatMap((folder) => filesBelow(folder, '.js'));
  const stamp = sources
    .filter((file) => !/\.test\./.test(file))
    .map((file) => `${file} ${statSync(join(root, file)).mtimeMs}\n`)
    .join('');
  if (stamp === readIfThere(stampFile)) return;
  const { build } = await import('esbuild');
  // Made beside the old one and then put in its place: a tool that starts meanwhile finds one or the other, whole.
  const draft = mkdtempSync(join(cli, 'bundle-'));
  try {
    await build({
      entryPoints: {
        main: join(cli, 'dist', 'main.js'),
        // Started by its file name from the chunk that holds the key derivation.
        worker: join(root, 'packages', 'ssh', 'dist', 'crypto', 'kdf', 'worker.js'),
      },
      outdir: draft,
      chunkNames: '[name]-[hash]',
      bundle: true,
      splitting: true,
      format: 'esm',
      platform: 'node',
      target: 'node20',
      external,
      logLevel: 'warning',
    });
    writeFileSync(join(draft, 'made-from.txt'), stamp);
    removeBundle();
    renameSync(draft, output);
  } finally {
    rmSync(draft, { recursive: true, force: true });
  }
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
