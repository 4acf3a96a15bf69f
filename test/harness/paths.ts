/** Where things lie: the checkout, its programs, and the programs of the machine. */
import { accessSync, constants, existsSync, readdirSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The checkout's folder; this file is run from build/, so it is found by what lies in it. */
export const root: string = findRoot(dirname(fileURLToPath(import.meta.url)));

/** OpenSSH 10 from backports, which scripts/peers.mjs unpacks. */
export const openSsh10Folder: string = join(root, '.peers', 'openssh-10');

/** A program of this checkout under OpenSSH's name: `nacreProgram('sshd')`. */
export function nacreProgram(name: string): string {
  return join(root, 'bin', name);
}

/** The path of a program of this machine, or undefined where there is none. sbin folders count even if PATH lacks them. */
export function findProgram(name: string): string | undefined {
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/local/sbin', '/usr/sbin', '/sbin'];
  for (const folder of folders) {
    if (folder === '') continue;
    const path = join(folder, name);
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      // not here
    }
  }
  return undefined;
}

/** The path of a program; an error that names it where there is none. */
export function requireProgram(name: string): string {
  const path = findProgram(name);
  if (path === undefined) throw new Error(`${name} is not installed; \`npm run peers\` as root installs it`);
  return path;
}

/**
 * Why a test has to be skipped: the first of the programs that is missing, for `test(name, { skip: missing('plink') }, …)`.
 *
 * `openssh-10` stands for the unpacked OpenSSH 10, `root` for the right to act as other users, `python3:NAME` for a module of
 * Debian's python3.
 */
export function missing(...names: readonly string[]): string | false {
  for (const name of names) {
    const reason = whyMissing(name);
    if (reason !== undefined) return reason;
  }
  return false;
}

function whyMissing(name: string): string | undefined {
  if (name === 'root') return process.getuid?.() === 0 ? undefined : 'only root can act as other users';
  if (name === 'openssh-10') {
    return existsSync(join(openSsh10Folder, 'usr', 'sbin', 'sshd')) ? undefined : 'OpenSSH 10 is not unpacked';
  }
  if (name.startsWith('nacre:')) {
    const program = nacreProgram(name.slice(6));
    return existsSync(program) ? undefined : `bin/${name.slice(6)} does not exist yet`;
  }
  if (name.startsWith('python3:')) {
    const module = name.slice(8);
    return hasPythonModule(module) ? undefined : `Debian's python3 has no module ${module}`;
  }
  return findProgram(name) === undefined ? `${name} is not installed` : undefined;
}

function hasPythonModule(module: string): boolean {
  const folder = '/usr/lib/python3/dist-packages';
  return existsSync(folder) && readdirSync(folder).includes(module);
}

function findRoot(from: string): string {
  if (existsSync(join(from, 'layers.json'))) return from;
  const parent = dirname(from);
  if (parent === from) throw new Error('the tests are not inside a checkout of nacre');
  return findRoot(parent);
}
