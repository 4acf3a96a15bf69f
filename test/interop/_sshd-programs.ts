/** One bin/sshd that lets two accounts in, and the ssh_config through which programs that call ssh reach both. */
import { createHash, randomBytes } from 'node:crypto';
import { chmodSync, chownSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import {
  currentUser,
  hostLines,
  makeFolder,
  missing,
  openSshProgram,
  type ProgramResult,
  type RunOptions,
  runProgram,
  startNacreServer,
  type TestServer,
} from '../harness/index.ts';
import { accounts, otherAccount } from './_sshd-both.ts';

export const skip = missing('ssh', 'nacre:sshd');
const isRoot = process.getuid?.() === 0;

/** A server, its accounts under the names of hosts, and how to get to them. */
export interface World {
  readonly server: TestServer;
  /** Names of hosts in the configuration, one an account. */
  readonly hosts: readonly string[];
  readonly configFile: string;
  /** A program named ssh that uses this configuration, for those that take one word. */
  readonly wrapper: string;
  readonly env: Record<string, string | undefined>;
  /** Runs ssh with this configuration. */
  ssh(args: readonly string[], options?: RunOptions): Promise<ProgramResult>;
  /** A new folder that belongs to the account behind a host. */
  place(host: string): Promise<string>;
}

export async function startWorld(config: readonly string[] = []): Promise<World> {
  const users = await accounts();
  const server = await startServer(config);
  const folder = makeFolder('programs');
  const configFile = join(folder, 'config');
  const hosts = users.map((user) => (user === currentUser() ? 'mine' : 'other'));
  const blocks = users.map((user, i) => hostLines(hosts[i] as string, { ...server, user }));
  writeFileSync(configFile, [...blocks.flat(), 'Host *', '  BatchMode yes', '  ControlPath none', ''].join('\n'));
  const wrapper = join(folder, 'bin', 'ssh');
  mkdirSync(dirname(wrapper));
  const program = openSshProgram('ssh');
  writeFileSync(wrapper, `#!/bin/sh\nexec '${program}' -F '${configFile}' "$@"\n`);
  chmodSync(wrapper, 0o755);
  const env = { SSH_AUTH_SOCK: undefined, HOME: folder, GIT_CONFIG_NOSYSTEM: '1' };
  return {
    server,
    hosts,
    configFile,
    wrapper,
    env,
    ssh: (args, options = {}) =>
      runProgram([program, '-F', configFile, ...args], { ...options, env: { ...env, ...options.env } }),
    async place(host) {
      if (host === 'mine') return makeFolder('place');
      const { home, uid, gid } = await otherAccount();
      const place = mkdtempSync(join(home, 'place-'));
      chownSync(place, uid, gid);
      return place;
    },
  };
}

/** A server for the account that runs the tests and, as root, for another one with its keys at home. */
export async function startServer(config: readonly string[] = []): Promise<TestServer> {
  const block = isRoot
    ? [`Match User ${(await otherAccount()).name}`, '  AuthorizedKeysFile .ssh/authorized_keys']
    : [];
  return startNacreServer({
    hostKeyTypes: ['ed25519'],
    config: ['PrintMotd no', 'PrintLastLog no', 'MaxSessions 100', ...config, ...block],
  });
}

/** Path and checksum of every file of a tree. */
export function digestTree(root: string): Record<string, string> {
  const files = readdirSync(root, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const rows = files.map((entry) => {
    const path = join(entry.parentPath, entry.name);
    return [path.slice(root.length), digest(readFileSync(path))] as const;
  });
  return Object.fromEntries([...rows].sort(([a], [b]) => (a < b ? -1 : 1)));
}

function digest(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}

export function makeTree(root: string, largeBytes = 3_000_000): void {
  mkdirSync(join(root, 'deep', 'er'), { recursive: true });
  for (const [name, size] of [
    ['empty', 0],
    ['small', 100],
    ['name with blank', 5000],
    ['deep/er/large', largeBytes],
  ] as const) {
    writeFileSync(join(root, name), randomBytes(size));
  }
}
