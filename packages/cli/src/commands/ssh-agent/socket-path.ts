/** Where an agent listens: under ~/.ssh/agent as OpenSSH has it since 10.1, or in a new folder under TMPDIR. */
import { createHash, randomInt } from 'node:crypto';
import { mkdirSync, rmdirSync, statSync } from 'node:fs';
import { homedir, hostname } from 'node:os';
import { join } from 'node:path';
import { Ending } from '../ssh-keygen/ending.ts';

export interface SocketPath {
  readonly path: string;
  /** A folder made for this socket alone, to be removed with it. */
  readonly folder: string | undefined;
}

/** sockaddr_un: the path and the NUL behind it. */
const maxPathBytes = process.platform === 'darwin' ? 103 : 107;

/**
 * @param address - the value of -a.
 * @param temporary - -T was given.
 * @param processId - of the process that a person started, which the name under TMPDIR tells.
 */
export function chooseSocketPath(address: string | undefined, temporary: boolean, processId = process.pid): SocketPath {
  if (address !== undefined) return { path: requireShort(address), folder: undefined };
  const home = temporary ? undefined : prepareHomeFolder();
  if (home !== undefined) {
    const path = join(home, `${hostPrefix()}agent.${randomName(10)}`);
    // A home with a long name holds no socket; there is still the other place.
    if (Buffer.byteLength(path) <= maxPathBytes) return { path, folder: undefined };
  }
  return temporaryPath(processId);
}

/** The folder of sockets in the home directory. */
export function homeFolder(): string {
  return join(process.env.HOME || homedir(), '.ssh', 'agent');
}

/** How names of sockets of this machine begin: homes are shared between machines, processes are not. */
export function hostPrefix(): string {
  return `s.${[...createHash('sha512').update(hostname()).digest().subarray(0, 10)].map(present).join('')}.`;
}

/** The folder, made if need be; undefined where it cannot be made or is not ours alone. */
function prepareHomeFolder(): string | undefined {
  const folder = homeFolder();
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const { uid, mode } = statSync(folder);
    return uid === process.getuid?.() && (mode & 0o077) === 0 ? folder : undefined;
  } catch {
    return undefined;
  }
}

function temporaryPath(processId: number): SocketPath {
  const folder = join(process.env.TMPDIR || '/tmp', `ssh-${randomName(12)}`);
  try {
    // It must be new: a folder that somebody else made would be theirs.
    mkdirSync(folder, { mode: 0o700 });
  } catch (error) {
    throw new Ending(`mkdtemp: private socket dir: ${(error as NodeJS.ErrnoException).code}`, 1);
  }
  try {
    return { path: requireShort(join(folder, `agent.${processId}`)), folder };
  } catch (error) {
    rmdirSync(folder);
    throw error;
  }
}

function requireShort(path: string): string {
  if (Buffer.byteLength(path) <= maxPathBytes) return path;
  throw new Ending(`unix_listener: path "${path}" too long for Unix domain socket`, 1);
}

const letters = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789';

function present(number: number): string {
  return letters[number % letters.length] as string;
}

function randomName(length: number): string {
  return Array.from({ length }, () => present(randomInt(letters.length))).join('');
}
