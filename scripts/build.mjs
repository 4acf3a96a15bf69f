/** Builds every package, the tests, the benchmarks, the fuzzers and the examples with `tsc -b`; quick when nothing changed. */
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { bundle, removeBundle } from './bundle.mjs';
import { compiler, filesBelow, isMain, root, run } from './process.mjs';

// Where TypeScript sources go: source folder, then the folder of what is built from it.
/** @type {[string, string][]} */
const outputs = [
  ['packages/ssh/src', 'packages/ssh/dist'],
  ['packages/cli/src', 'packages/cli/dist'],
  ['test', 'build/test'],
  ['bench', 'build/bench'],
  ['fuzz', 'build/fuzz'],
  ['examples', 'build/examples'],
];

/**
 * Builds everything.
 *
 * @param {{ show?: boolean }} [options]
 * @returns {Promise<number>} the compiler's exit status
 */
export async function build({ show = true } = {}) {
  if (!existsSync(compiler)) return withoutCompiler();
  removeOrphans();
  const result = await run([process.execPath, compiler, '-b', '--pretty', 'false'], { cwd: root });
  if (show && result.output !== '') process.stdout.write(result.output);
  if (result.status === 0) await bundle();
  else removeBundle();
  return result.status;
}

/**
 * `prepare` runs as well where only the production packages are installed (`npm ci --omit=dev`); failing there would
 * undo the installation. A build that was asked for by name fails.
 *
 * @returns {number}
 */
function withoutCompiler() {
  const installing = process.env.npm_lifecycle_event === 'prepare';
  console.error(
    `build: the TypeScript compiler is not installed${installing ? ', so nothing was built' : ''}. ` +
      'Run `npm ci` (without --omit=dev) in the checkout and try again.',
  );
  return installing ? 0 : 1;
}

/** The compiler never deletes: what was built from a source that is gone would still be imported, tested and published. */
function removeOrphans() {
  for (const [source, output] of outputs) {
    for (const file of filesIn(output)) {
      const stem = file.slice(output.length).replace(/(\.d\.ts|\.js\.map|\.js)$/, '');
      if (stem === file.slice(output.length) || existsSync(join(root, `${source}${stem}.ts`))) continue;
      rmSync(join(root, file));
    }
  }
}

/** @param {string} folder */
function filesIn(folder) {
  return ['.js', '.d.ts', '.js.map'].flatMap((ending) => filesBelow(folder, ending));
}

if (isMain(import.meta.url)) process.exitCode = await build();
