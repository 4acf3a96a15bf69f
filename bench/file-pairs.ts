/** Who moves files with whom: the rows of the tables about files. */
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { makeFolder } from '../test/harness/cleanup.ts';
import { startNacreServer } from '../test/harness/nacre.ts';
import { clientOptions, openSshProgram, startOpenSshServer } from '../test/harness/openssh.ts';
import { missing, nacreProgram } from '../test/harness/paths.ts';
import { type TestServer, writeKnownHosts } from '../test/harness/servers.ts';
import { plainEnvironment } from './command.ts';
import { startLongPath } from './long-path.ts';
import { chooseRows } from './pairs.ts';
import type { Competitor, Sample } from './table.ts';
import type { BenchSettings } from './workloads/types.ts';

/** `library` is @nacre/ssh/transfer in a program of a few lines; `ssh2` the npm package in another. */
type FileClient = 'openssh' | 'nacre' | 'library' | 'ssh2';

interface FilePair {
  readonly name: string;
  readonly client: FileClient;
  readonly server: 'openssh' | 'nacre';
}

/** The first is the base of all ratios; the second, the same once more, tells how far chance alone goes. */
const filePairs: readonly FilePair[] = [
  { name: 'openssh > openssh', client: 'openssh', server: 'openssh' },
  { name: 'openssh > openssh (again)', client: 'openssh', server: 'openssh' },
  { name: 'nacre > nacre', client: 'nacre', server: 'nacre' },
  { name: 'nacre > openssh', client: 'nacre', server: 'openssh' },
  { name: 'openssh > nacre', client: 'openssh', server: 'nacre' },
  { name: 'nacre (library) > nacre', client: 'library', server: 'nacre' },
  { name: 'nacre (library) > openssh', client: 'library', server: 'openssh' },
  { name: 'ssh2 > openssh', client: 'ssh2', server: 'openssh' },
];

/** What a client is asked to do; the paths are absolute. */
export type FileJob =
  | { readonly kind: 'get' | 'put'; readonly from: string; readonly to: string; readonly recursive: boolean }
  /** A long listing of a folder on standard output, a line an entry. */
  | { readonly kind: 'list'; readonly path: string };

export interface RunningFilePair extends FilePair {
  readonly testServer: TestServer;
  /** The command line that does it. */
  argv(job: FileJob): string[];
  stop(): Promise<void>;
}

const cipher = 'aes128-gcm@openssh.com';

/** A competitor for each pair that was chosen, with its server running; end them with `stop`. */
export async function startFilePairs(
  { rows, isBrief }: BenchSettings,
  sample: (pair: RunningFilePair) => Promise<Sample>,
  { isLongPath = false } = {},
): Promise<{ readonly competitors: Competitor[]; stop(): Promise<void> }> {
  const running: RunningFilePair[] = [];
  const competitors: Competitor[] = [];
  // Over the long path chance is small, and the library differs from the program by its start alone.
  const all = filePairs.filter(
    ({ name, client }) => !isBrief || !isLongPath || !(client === 'library' || name.endsWith('(again)')),
  );
  for (const pair of chooseRows(all, rows)) {
    const skipped = whyNot(pair);
    if (skipped !== undefined) {
      competitors.push({ name: pair.name, skipped, sample: () => Promise.resolve({}) });
      continue;
    }
    const started = await startFilePair(pair, isLongPath);
    running.push(started);
    competitors.push({ name: pair.name, sample: () => sample(started), ...(isBrief && limitOf(pair, isLongPath)) });
  }
  return {
    competitors,
    stop: async () => {
      for (const pair of running) await pair.stop();
    },
  };
}

/** Rows that no target asks for are there to compare with: where time is short, a few times have to do. */
function limitOf({ name, client }: FilePair, isLongPath: boolean): { most?: number } {
  if (client === 'ssh2') return { most: 1 };
  // There OpenSSH's window sets its speed, and it takes long.
  if (isLongPath && name !== 'nacre > nacre') return { most: 1 };
  if (client === 'library') return { most: 1 };
  return name.endsWith('(again)') ? { most: 3 } : {};
}

function whyNot({ client, server }: FilePair): string | undefined {
  const needs = [server === 'nacre' ? 'nacre:sshd' : 'sshd'];
  if (client === 'nacre') needs.push('nacre:sftp');
  if (client === 'openssh') needs.push('sftp');
  return missing(...needs) || undefined;
}

async function startFilePair(pair: FilePair, isLongPath: boolean): Promise<RunningFilePair> {
  const config = ['MaxStartups 500', 'MaxSessions 100'];
  const env = plainEnvironment;
  const near =
    pair.server === 'nacre'
      ? await startNacreServer({ config: [...config, 'Subsystem sftp internal-sftp'], env })
      : await startOpenSshServer({ config, env });
  const path = isLongPath ? await startLongPath(near.port) : undefined;
  const testServer =
    path === undefined
      ? near
      : {
          ...near,
          port: path.port,
          knownHostsFile: writeKnownHosts(makeFolder('known'), path.port, near.hostKeys),
        };
  return {
    ...pair,
    testServer,
    argv: (job) => commandOf(pair.client, testServer, job),
    async stop() {
      await path?.stop();
      await near.stop();
    },
  };
}

function commandOf(client: FileClient, server: TestServer, job: FileJob): string[] {
  if (client === 'library' || client === 'ssh2') {
    const program = fileURLToPath(new URL(`programs/files-${client}.js`, import.meta.url));
    const { host, port, user, identity, knownHostsFile } = server;
    const where = { host, port, user, identity: identity.file, knownHosts: knownHostsFile, cipher };
    return [nodeProgram(), program, JSON.stringify({ ...where, ...job })];
  }
  // The one post-quantum method of OpenSSH 9.2 costs 60 ms alone; every row is to do the same work.
  const options = clientOptions(server, [`Ciphers=${cipher}`, 'KexAlgorithms=curve25519-sha256']);
  const program = client === 'nacre' ? nacreProgram('sftp') : openSshProgram('sftp');
  return [program, '-q', ...options, '-b', writeBatch(job), server.host];
}

/** The Node that bin/ uses. */
function nodeProgram(): string {
  const own = nacreProgram('../node_modules/node/bin/node');
  return existsSync(own) ? own : process.execPath;
}

const batches = new Map<string, string>();

function writeBatch(job: FileJob): string {
  const line =
    job.kind === 'list' ? `ls -l ${job.path}` : `${job.kind}${job.recursive ? ' -R' : ''} ${job.from} ${job.to}`;
  const known = batches.get(line);
  if (known !== undefined) return known;
  const file = join(makeFolder('batch'), 'batch');
  writeFileSync(file, `${line}\n`);
  batches.set(line, file);
  return file;
}
