/** Where things lie in the checkout, and how the scripts run other programs. */
import { spawn } from 'node:child_process';
import { constants as access, accessSync, existsSync, readdirSync, realpathSync } from 'node:fs';
import { constants } from 'node:os';
import { delimiter, dirname, join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The checkout's folder. */
export const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** The compiler that `npm ci` brings. */
export const compiler = join(root, 'node_modules', 'typescript', 'bin', 'tsc');

/** The Node that the checkout brings as a devDependency; it may be missing where install scripts are off. */
export const ownNode = join(root, 'node_modules', 'node', 'bin', process.platform === 'win32' ? 'node.exe' : 'node');

/**
 * The machine's own Node: `npm run` puts node_modules/.bin in front of PATH, so a plain `node` may be the checkout's.
 *
 * @returns {string} an absolute path
 */
export function systemNode() {
  const insideCheckout = (/** @type {string} */ path) => path.split(sep).includes('node_modules');
  const ranNpm = process.env.npm_node_execpath;
  if (ranNpm !== undefined && existsSync(ranNpm) && !insideCheckout(ranNpm)) return ranNpm;
  const folders = (process.env.PATH ?? '').split(delimiter).filter((folder) => !insideCheckout(folder));
  return findProgram('node', folders) ?? process.execPath;
}

/**
 * Looks a program up.
 *
 * @param {string} name
 * @param {string[]} [folders] - where to look; PATH and the sbin folders if absent
 * @returns {string | undefined} its real path
 */
export function findProgram(name, folders) {
  const where = folders ?? [...(process.env.PATH ?? '').split(delimiter), '/usr/local/sbin', '/usr/sbin', '/sbin'];
  for (const folder of where) {
    if (folder === '') continue;
    const path = join(folder, name);
    try {
      accessSync(path, access.X_OK);
      return realpathSync(path);
    } catch {
      // not here
    }
  }
  return undefined;
}

/**
 * @typedef {object} RunOptions
 * @property {string} [cwd]
 * @property {NodeJS.ProcessEnv} [env] - the whole environment; this process's own if absent
 * @property {number} [timeoutMs] - the program and its children are killed after it
 * @property {boolean} [show] - output goes to this terminal instead of being collected
 *
 * @typedef {object} RunResult
 * @property {number} status - the exit status; 128 + signal as shells have it; 127 where it could not start
 * @property {string} output - stdout and stderr in the order they came
 * @property {boolean} timedOut
 * @property {number} ms
 */

/**
 * Runs a program without a standard input and waits for its end.
 *
 * @param {string[]} argv
 * @param {RunOptions} [options]
 * @returns {Promise<RunResult>}
 */
export function run(argv, options = {}) {
  const [program = '', ...args] = argv;
  const start = Date.now();
  return new Promise((resolve) => {
    // A process group of its own, so that a time-out takes the grandchildren along.
    const child = spawn(program, args, {
      cwd: options.cwd ?? root,
      env: options.env ?? process.env,
      stdio: options.show ? ['ignore', 'inherit', 'inherit'] : ['ignore', 'pipe', 'pipe'],
      detached: options.timeoutMs !== undefined && process.platform !== 'win32',
    });
    /** @type {Buffer[]} */
    const chunks = [];
    let timedOut = false;
    child.stdout?.on('data', (chunk) => chunks.push(chunk));
    child.stderr?.on('data', (chunk) => chunks.push(chunk));
    const timer =
      options.timeoutMs === undefined
        ? undefined
        : setTimeout(() => {
            timedOut = true;
            endGroup(child, 'SIGTERM');
            setTimeout(() => endGroup(child, 'SIGKILL'), 2000).unref();
          }, options.timeoutMs);
    if (options.timeoutMs !== undefined) addGroup(child);
    const finish = (/** @type {number} */ status) => {
      clearTimeout(timer);
      removeGroup(child);
      // A grandchild that keeps the pipe open must not keep us.
      child.stdout?.destroy();
      child.stderr?.destroy();
      resolve({ status, output: Buffer.concat(chunks).toString('utf8'), timedOut, ms: Date.now() - start });
    };
    child.on('error', (error) => {
      chunks.push(Buffer.from(`${program}: ${error.message}\n`));
      finish(127);
    });
    const statusOf = (/** @type {number | null} */ code, /** @type {NodeJS.Signals | null} */ signal) =>
      code ?? 128 + (signal === null ? 0 : (constants.signals[signal] ?? 0));
    child.on('close', (code, signal) => finish(statusOf(code, signal)));
    child.on('exit', (code, signal) => setTimeout(() => finish(statusOf(code, signal)), 1000).unref());
  });
}

/**
 * Children in process groups of their own, which a terminal's Ctrl-C does not reach.
 *
 * @type {Set<import('node:child_process').ChildProcess>}
 */
const ownGroups = new Set();
const stopSignals = /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP']);

/** @param {NodeJS.Signals} signal */
function stopAll(signal) {
  // Not SIGKILL: they remove their folders and end their servers.
  for (const child of ownGroups) endGroup(child, 'SIGTERM');
  process.exit(128 + constants.signals[signal]);
}

/** @param {import('node:child_process').ChildProcess} child */
function addGroup(child) {
  if (ownGroups.size === 0) for (const signal of stopSignals) process.on(signal, stopAll);
  ownGroups.add(child);
}

/** @param {import('node:child_process').ChildProcess} child */
function removeGroup(child) {
  if (!ownGroups.delete(child) || ownGroups.size > 0) return;
  for (const signal of stopSignals) process.off(signal, stopAll);
}

/**
 * Ends a child with its process group.
 *
 * @param {import('node:child_process').ChildProcess} child
 * @param {NodeJS.Signals} signal
 */
function endGroup(child, signal) {
  try {
    if (child.pid !== undefined && process.platform !== 'win32') process.kill(-child.pid, signal);
    else child.kill(signal);
  } catch {
    // It ended on its own meanwhile.
  }
}

/**
 * Every file below a folder whose name ends so, as paths from the checkout's folder, sorted.
 *
 * @param {string} folder - from the checkout's folder
 * @param {string} ending
 * @param {string} [base] - the folder that paths are given from
 * @returns {string[]}
 */
export function filesBelow(folder, ending, base = root) {
  const top = join(base, folder);
  if (!existsSync(top)) return [];
  /** @type {string[]} */
  const found = [];
  const walk = (/** @type {string} */ path) => {
    for (const entry of readdirSync(path, { withFileTypes: true })) {
      if (entry.name === 'node_modules' || entry.name === 'dist') continue;
      const child = join(path, entry.name);
      if (entry.isDirectory()) walk(child);
      else if (entry.name.endsWith(ending)) found.push(relative(base, child).split(sep).join('/'));
    }
  };
  walk(top);
  return found.sort();
}

/**
 * Milliseconds as a person reads them.
 *
 * @param {number} ms
 * @returns {string}
 */
export function formatSeconds(ms) {
  return `${(ms / 1000).toFixed(1)} s`;
}

/**
 * True where a module is the program being run, not one imported by another.
 *
 * @param {string} moduleUrl - its import.meta.url
 * @returns {boolean}
 */
export function isMain(moduleUrl) {
  const started = process.argv[1];
  return started !== undefined && realpathSync(started) === fileURLToPath(moduleUrl);
}
