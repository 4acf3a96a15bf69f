/** Where things lie in the checkout, and how the scripts run other programs. */
import { spawn } from 'node:child_process';
import { accessSync, constants, existsSync, readdirSync, realpathSync } from 'node:fs';
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
      accessSync(path, constants.X_OK);
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
            endGroup(child.pid, child);
          }, options.timeoutMs);
    const finish = (/** @type {number} */ status) => {
      clearTimeout(timer);
      resolve({ status, output: Buffer.concat(chunks).toString('utf8'), timedOut, ms: Date.now() - start });
    };
    child.on('error', (error) => {
      chunks.push(Buffer.from(`${program}: ${error.message}\n`));
      finish(127);
    });
    // 'exit' and not 'close': a grandchild that keeps the pipe open must not keep us.
    child.on('exit', (code, signal) => setTimeout(finish, 50, code ?? 128 + (signal === 'SIGKILL' ? 9 : 15)));
  });
}

/**
 * Kills a process group that `run` started.
 *
 * @param {number | undefined} pid
 * @param {import('node:child_process').ChildProcess} child
 */
function endGroup(pid, child) {
  try {
    if (pid !== undefined && process.platform !== 'win32') process.kill(-pid, 'SIGKILL');
    else child.kill('SIGKILL');
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
