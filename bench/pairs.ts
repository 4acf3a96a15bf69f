/** Who speaks with whom: the rows of every table, CLIENT > SERVER, the base first. */

import { makeFolder } from '../test/harness/cleanup.ts';
import { startNacreServer } from '../test/harness/nacre.ts';
import { type OpenSshVersion, openSshProgram, sshCommand, startOpenSshServer } from '../test/harness/openssh.ts';
import { missing, nacreProgram } from '../test/harness/paths.ts';
import { type TestServer, writeKnownHosts } from '../test/harness/servers.ts';
import { plainEnvironment } from './command.ts';
import { startLongPath } from './long-path.ts';

type Side = 'openssh' | 'openssh10' | 'nacre' | 'ssh2';

export interface Pair {
  readonly name: string;
  readonly client: Side;
  readonly server: Side;
}

/** The first is the base of all ratios; the second, the same once more, tells how far chance alone goes. */
export const pairs: readonly [Pair, ...Pair[]] = [
  { name: 'openssh > openssh', client: 'openssh', server: 'openssh' },
  { name: 'openssh > openssh (again)', client: 'openssh', server: 'openssh' },
  { name: 'nacre > nacre', client: 'nacre', server: 'nacre' },
  { name: 'nacre > openssh', client: 'nacre', server: 'openssh' },
  { name: 'openssh > nacre', client: 'openssh', server: 'nacre' },
];

/** The npm package, at either end of OpenSSH and at both. */
export const ssh2Pairs: readonly Pair[] = [
  { name: 'ssh2 > openssh', client: 'ssh2', server: 'openssh' },
  { name: 'openssh > ssh2', client: 'openssh', server: 'ssh2' },
  { name: 'ssh2 > ssh2', client: 'ssh2', server: 'ssh2' },
];

/** The base and the rows whose name holds the text; with "=" before it that row alone, for what takes OpenSSH too long to be asked again. */
export function chooseRows<T extends { readonly name: string }>(
  all: readonly T[],
  rows: string | undefined,
): readonly T[] {
  if (rows?.startsWith('=')) return all.filter(({ name }) => name === rows.slice(1));
  return all.filter(({ name }, i) => i === 0 || rows === undefined || name.includes(rows));
}

/** A pair with its server running. */
export interface RunningPair extends Pair {
  readonly testServer: TestServer;
  /** The command line that runs a remote command. */
  command(remote: string, options?: readonly string[]): string[];
  /** The command line of the client with flags before the host and words behind it. */
  argv(words: readonly string[], flags: readonly string[], options?: readonly string[]): string[];
}

/** Why a pair cannot run here. */
export function whyNot(pair: Pair): string | undefined {
  const needs = [pair.client === 'nacre' ? 'nacre:ssh' : programOf(pair.client, 'ssh')];
  needs.push(pair.server === 'nacre' ? 'nacre:sshd' : programOf(pair.server, 'sshd'));
  return missing(...needs) || undefined;
}

/** Starts a server of its own for a pair, at the far end of the long path where that is asked for. */
export async function startPair(pair: Pair, { isLongPath = false } = {}): Promise<RunningPair> {
  const config = ['MaxStartups 500', 'MaxSessions 100'];
  const env = plainEnvironment;
  const near =
    pair.server === 'nacre'
      ? await startNacreServer({ config, env })
      : await startOpenSshServer({ config, env, version: versionOf(pair.server) });
  const testServer = isLongPath ? await putFar(near) : near;
  const program = pair.client === 'nacre' ? nacreProgram('ssh') : openSshProgram('ssh', versionOf(pair.client));
  const argv: RunningPair['argv'] = (words, flags, options = []) =>
    // The one post-quantum method of OpenSSH 9.2 costs 60 ms alone; every row is to do the same work.
    sshCommand(testServer, words, { program, flags, options: [...options, 'KexAlgorithms=curve25519-sha256'] });
  return { ...pair, testServer, argv, command: (remote, options) => argv([remote], [], options) };
}

/** The same server at the far end of the long path. */
export async function putFar(near: TestServer): Promise<TestServer> {
  const path = await startLongPath(near.port);
  return {
    ...near,
    port: path.port,
    knownHostsFile: writeKnownHosts(makeFolder('known'), path.port, near.hostKeys),
    async stop() {
      await path.stop();
      await near.stop();
    },
  };
}

function programOf(side: Side, name: string): string {
  return side === 'openssh10' ? 'openssh-10' : name;
}

function versionOf(side: Side): OpenSshVersion {
  return side === 'openssh10' ? '10.0' : '9.2';
}
