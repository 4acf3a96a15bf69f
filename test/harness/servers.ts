/** What every server of the harness has in common, and the settings they share. */
import { writeFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { makeFolder } from './cleanup.ts';
import { hostKey, type KeyPair, type TestKeyType, userKey } from './keys.ts';
import type { RunningProgram } from './programs.ts';

/** A server that listens on 127.0.0.1. */
export interface TestServer {
  readonly host: '127.0.0.1';
  readonly port: number;
  /** Whom to log in as. */
  readonly user: string;
  /** A key that this user may log in with. */
  readonly identity: KeyPair;
  readonly hostKeys: readonly KeyPair[];
  /** A known_hosts file with all of its host keys. */
  readonly knownHostsFile: string;
  /** The process, where the server is one of its own. */
  readonly pid: number | undefined;
  /** All that the server wrote so far. */
  readonly log: () => string;
  /** Waits for a text in the log. */
  readonly waitForLog: (pattern: RegExp, timeoutMs?: number) => Promise<RegExpExecArray>;
  readonly stop: () => Promise<void>;
}

export interface ServerOptions {
  /** Types of host keys, in this order. Default ed25519, ecdsa-256 and rsa. */
  hostKeyTypes?: readonly TestKeyType[];
  /** Further lines of authorized_keys; the harness's own user key comes first unless `identity` says otherwise. */
  authorizedKeys?: readonly string[];
  /** The key that may log in instead of the harness's own; false for none. */
  identity?: KeyPair | false;
  env?: Record<string, string | undefined>;
  /** What starts the server: `unshare`, `env`. */
  prefix?: readonly string[];
  /** Shells of commands read ~/.bashrc, as they do without us. Default false. */
  startUpFiles?: boolean;
}

/** Files that a server needs, made in a folder of its own. */
export interface ServerFiles {
  readonly folder: string;
  readonly hostKeys: readonly KeyPair[];
  readonly identity: KeyPair;
  readonly authorizedKeysFile: string;
}

export async function makeServerFiles(options: ServerOptions): Promise<ServerFiles> {
  const folder = makeFolder('server');
  const types = options.hostKeyTypes ?? ['ed25519', 'ecdsa-256', 'rsa'];
  const hostKeys = await Promise.all(types.map(hostKey));
  const identity = options.identity === undefined || options.identity === false ? await userKey() : options.identity;
  const lines = [...(options.identity === false ? [] : [identity.publicLine]), ...(options.authorizedKeys ?? [])];
  const authorizedKeysFile = join(folder, 'authorized_keys');
  writeFileSync(authorizedKeysFile, `${lines.join('\n')}\n`, { mode: 0o600 });
  return { folder, hostKeys, identity, authorizedKeysFile };
}

/** The server that a program is, once it listens. */
export function serverOf(program: RunningProgram, port: number, user: string, files: ServerFiles): TestServer {
  return {
    host: '127.0.0.1',
    port,
    user,
    identity: files.identity,
    hostKeys: files.hostKeys,
    knownHostsFile: writeKnownHosts(files.folder, port, files.hostKeys),
    pid: program.pid,
    log: program.log,
    waitForLog: program.waitForLog,
    stop: program.stop,
  };
}

/** Writes a known_hosts file for a server on a port. */
export function writeKnownHosts(folder: string, port: number, hostKeys: readonly KeyPair[]): string {
  const file = join(folder, 'known_hosts');
  const lines = hostKeys.map(({ publicLine }) => `[127.0.0.1]:${port} ${publicLine.split(' ').slice(0, 2).join(' ')}`);
  writeFileSync(file, `${lines.join('\n')}\n`);
  return file;
}

/** The user that runs the tests. */
export function currentUser(): string {
  return userInfo().username;
}

/**
 * Lines of a configuration, split before its first Match block, with a word to bash that it is not the first shell: Debian's reads
 * ~/.bashrc for every command that comes by ssh, and what people have there may take half a second and write to stderr.
 */
export function withPlainShell(
  config: readonly string[],
  { startUpFiles = false }: ServerOptions,
): { general: string[]; blocks: string[] } {
  const matchAt = config.findIndex((line) => /^match\s/i.test(line));
  const general = matchAt < 0 ? [...config] : config.slice(0, matchAt);
  const blocks = matchAt < 0 ? [] : config.slice(matchAt);
  if (startUpFiles) return { general, blocks };
  const plain = 'SHLVL=5';
  // Of several lines only the first counts.
  const at = general.findIndex((line) => /^setenv\s/i.test(line));
  if (at < 0) general.push(`SetEnv ${plain}`);
  else general[at] += ` ${plain}`;
  return { general, blocks };
}
