/** Makes a checkout ready: installs the packages where they are missing or not the locked ones. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { build } from './build.mjs';
import { findProgram, formatSeconds, isMain, ownNode, root, run } from './process.mjs';

/**
 * Installs the packages if need be.
 *
 * @returns {Promise<void>} rejects where npm fails
 */
export async function setup() {
  const reason = whyInstall();
  if (reason !== undefined) {
    console.log(`installing packages (${reason})`);
    const result = await npm('ci');
    if (result.status !== 0) {
      throw new Error(`npm ci failed with status ${result.status}; is the package registry reachable?`);
    }
    console.log(`packages installed in ${formatSeconds(result.ms)}`);
  }
  // Where install scripts are switched off, the package `node` comes without its program.
  if (existsSync(join(root, 'node_modules', 'node')) && !existsSync(ownNode)) await npm('rebuild', 'node');
}

/**
 * Compares what lies in node_modules with the lock file. Not by file times: a checkout or a copied folder changes those.
 *
 * @param {string} [folder] - the checkout
 * @returns {string | undefined} why an installation is needed
 */
export function whyInstall(folder = root) {
  const locked = readLock(join(folder, 'package-lock.json'));
  const installed = readLock(join(folder, 'node_modules', '.package-lock.json'));
  if (locked === undefined) return undefined;
  if (installed === undefined) return 'there is no node_modules';
  for (const [path, entry] of Object.entries(locked)) {
    if (!path.startsWith('node_modules/') || entry.link === true) continue;
    const found = installed[path];
    // An optional package is left out where it does not fit the platform or fails to build.
    if (found === undefined && entry.optional === true) continue;
    if (found === undefined) return `${path} is missing`;
    if (found.version !== entry.version) return `${path} is ${found.version}, the lock file says ${entry.version}`;
  }
  return undefined;
}

/**
 * @param {string} path
 * @returns {Record<string, { version?: string, link?: boolean, optional?: boolean }> | undefined}
 */
function readLock(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8')).packages;
  } catch {
    return undefined;
  }
}

/**
 * Runs npm by the Node that runs this, whatever the name of its launcher is.
 *
 * @param {...string} args
 */
function npm(...args) {
  const script = process.env.npm_execpath;
  // Its settings apply (npm_config_…); what an outer `npm test` says of itself would confuse it.
  const outer = /^npm_(lifecycle|package|command)/;
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !outer.test(name)));
  const argv = script?.endsWith('.js') ? [process.execPath, script] : [findProgram('npm') ?? 'npm'];
  return run([...argv, ...args], { show: true, env });
}

if (isMain(import.meta.url)) {
  try {
    await setup();
    process.exitCode = await build();
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  }
}
