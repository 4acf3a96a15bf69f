/** `npm run check`: every check that needs no test to run, a line each; the output of those that fail. */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { checkLayers } from './check-layers.mjs';
import { checkLockFile } from './check-lock-file.mjs';
import { compiler, formatSeconds, isMain, root, run } from './process.mjs';

/**
 * @typedef {object} Check
 * @property {string} name
 * @property {string} finds - what it finds, for the person who reads the list
 * @property {() => Promise<{ status: number, output: string }>} run
 *
 * @typedef {object} CheckResult
 * @property {string} name
 * @property {boolean} passed
 * @property {number} ms
 * @property {string} output
 */

/** @type {Check[]} */
const checks = [
  { name: 'types', finds: 'type errors in packages, tests and examples', run: () => node(compiler, '-b') },
  { name: 'script types', finds: 'type errors in scripts/', run: () => node(compiler, '-p', 'scripts') },
  { name: 'format', finds: 'formatting and common mistakes (biome)', run: () => node(biome(), 'check', '.') },
  {
    name: 'promises',
    finds: 'promises nobody awaits and other typed rules (oxlint)',
    run: () => node('node_modules/oxlint/bin/oxlint', '--type-aware', '--deny-warnings', ...sourceFolders()),
  },
  {
    name: 'layers',
    finds: 'imports that point up, circles, misplaced builtins',
    run: async () => listed(checkLayers()),
  },
  { name: 'lock file', finds: 'addresses of private registries', run: async () => listed(checkLockFile()) },
  { name: 'dead code', finds: 'files, exports and packages nobody uses (knip)', run: () => knip() },
  ...publicPackages().map((folder) => ({
    name: `package ${folder}`,
    finds: 'exports that point nowhere (publint)',
    run: () => node('node_modules/publint/src/cli.js', 'run', `packages/${folder}`, '--pack', 'npm', '--strict'),
  })),
];

/**
 * Runs the checks, two at a time.
 *
 * @param {{ only?: string, report?: (result: CheckResult) => void }} [options]
 * @returns {Promise<CheckResult[]>} in the order of the list
 */
export async function runChecks({ only, report = printResult } = {}) {
  const chosen = checks.filter((check) => only === undefined || check.name.includes(only));
  /** @type {CheckResult[]} */
  const results = [];
  // The build comes first and alone: publint and knip look at what it made.
  const [first, ...others] = chosen;
  if (first !== undefined) results[0] = await runCheck(first, report);
  let next = 0;
  const worker = async () => {
    for (let at = next++; at < others.length; at = next++) {
      const check = others[at];
      if (check !== undefined) results[at + 1] = await runCheck(check, report);
    }
  };
  await Promise.all([worker(), worker()]);
  return results;
}

/**
 * @param {Check} check
 * @param {(result: CheckResult) => void} report
 * @returns {Promise<CheckResult>}
 */
async function runCheck(check, report) {
  const start = Date.now();
  const { status, output } = await check.run();
  const result = { name: check.name, passed: status === 0, ms: Date.now() - start, output };
  report(result);
  return result;
}

/** @param {CheckResult} result */
function printResult({ name, passed, ms, output }) {
  const finds = checks.find((check) => check.name === name)?.finds ?? '';
  console.log(`${passed ? 'ok    ' : 'FAILED'}  ${name.padEnd(14)} ${formatSeconds(ms).padStart(6)}  ${finds}`);
  if (!passed) console.log(`${output.trimEnd()}\n`);
}

/** @param {...string} argv */
function node(...argv) {
  // Colours belong on a terminal, not in a collected text.
  return run([process.execPath, ...argv], { env: { ...process.env, NO_COLOR: '1', FORCE_COLOR: '0' } });
}

/** Hints on how to write knip's own settings tighter are no findings. */
function knip() {
  return node('node_modules/knip/bin/knip.js', '--no-progress', '--no-config-hints');
}

function biome() {
  return 'node_modules/@biomejs/biome/bin/biome';
}

/** @param {string[]} problems */
function listed(problems) {
  return { status: problems.length === 0 ? 0 : 1, output: problems.join('\n') };
}

function sourceFolders() {
  return ['packages', 'test', 'bench', 'fuzz', 'examples'].filter((folder) => existsSync(join(root, folder)));
}

function publicPackages() {
  return readdirSync(join(root, 'packages')).filter((folder) => existsSync(join(root, 'packages', folder, 'src')));
}

if (isMain(import.meta.url)) {
  const only = process.argv[2];
  const results = await runChecks(only === undefined ? {} : { only });
  const failed = results.filter((result) => !result.passed);
  if (failed.length > 0) console.log(`${failed.length} of ${results.length} checks failed`);
  process.exitCode = failed.length === 0 ? 0 : 1;
}
