/** What the workloads about many logins share: one client process for all of them, and a fresh server for each sample. */
import { spawn } from 'node:child_process';
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { makeFolder, trackChild } from '../../test/harness/cleanup.ts';
import { userKey } from '../../test/harness/keys.ts';
import { startNacreServer } from '../../test/harness/nacre.ts';
import { startOpenSshServer } from '../../test/harness/openssh.ts';
import { missing } from '../../test/harness/paths.ts';
import type { TestServer } from '../../test/harness/servers.ts';
import { plainEnvironment } from '../command.ts';
import { machineSeconds, treeSeconds } from '../cpu.ts';
import { chooseRows } from '../pairs.ts';
import { type Competitor, type Measure, measureInTurns, type Sample, type Table } from '../table.ts';
import type { BenchSettings } from './types.ts';

type Start = (options: { config: string[]; env: typeof plainEnvironment }) => Promise<TestServer>;
const servers: readonly { readonly name: string; readonly start: Start; readonly needs: string }[] = [
  { name: 'openssh sshd', start: startOpenSshServer, needs: 'sshd' },
  { name: 'openssh sshd (again)', start: startOpenSshServer, needs: 'sshd' },
  { name: 'nacre sshd', start: startNacreServer, needs: 'nacre:sshd' },
];

export const rateMeasures: readonly Measure[] = [
  { key: 'rate', title: 'per second', digits: 1, ratio: true },
  { key: 'failures', title: 'failed', digits: 0 },
  { key: 'server', title: 'cpu s ms each', digits: 1 },
  { key: 'client', title: 'cpu c ms each', digits: 1 },
  { key: 'others', title: 'others', digits: 2 },
];

/** Sessions that one connection may have in these workloads. */
export const sessionCount = 100;

/** A table of servers, each started anew for a sample: one that has served before holds memory of that. */
export async function measureServers(
  settings: BenchSettings,
  title: string,
  measures: readonly Measure[],
  work: (server: TestServer) => Promise<Sample>,
): Promise<Table> {
  const config = ['MaxStartups 5000', `MaxSessions ${sessionCount}`, `AuthorizedKeysFile ${await keysForAll()}`];
  const competitors = chooseRows(servers, settings.rows).map(
    ({ name, start, needs }): Competitor => ({
      name,
      skipped: missing(needs) || undefined,
      async sample() {
        const server = await start({ config, env: plainEnvironment });
        try {
          return await work(server);
        } finally {
          await server.stop();
        }
      },
    }),
  );
  const times = `${title}, n = ${settings.repetitions}`;
  return measureInTurns(times, measures, competitors, settings.repetitions, settings.progress);
}

/** A file of keys that every account can read. */
async function keysForAll(): Promise<string> {
  const folder = makeFolder('load');
  chmodSync(folder, 0o755);
  const file = join(folder, 'authorized_keys');
  writeFileSync(file, `${(await userKey()).publicLine}\n`, { mode: 0o644 });
  return file;
}

/** What is loaded once, and what the first login starts, is not measured. */
export async function measureRate(server: TestServer, job: LoadJob, count: number): Promise<Sample> {
  await startLoad(server, { ...job, users: job.users.slice(0, 5), inFlight: 1 }).line();
  await delay(500);
  const { seconds, server: spent, client, ...rest } = await load(server, job);
  const each = (cpuSeconds: number) => (cpuSeconds * 1000) / count;
  return { rate: count / seconds, server: each(spent), client: each(client), ...rest };
}

export async function load(server: TestServer, job: LoadJob) {
  const pid = server.pid as number;
  const [serverBefore, machineBefore] = [treeSeconds(pid), machineSeconds()];
  const running = startLoad(server, job);
  const { seconds = 0, failures = 0, reason } = await running.line();
  const client = treeSeconds(running.pid);
  const machine = machineSeconds();
  // What the last sessions used is on the server's account once they have been waited for.
  await delay(300);
  const spent = treeSeconds(pid) - serverBefore;
  if (failures > 0) process.stderr.write(`\n${failures} logins failed: ${reason}\n`);
  const total = machine.total - machineBefore.total;
  const others = Math.max(0, (machine.busy - machineBefore.busy - spent - client) / total);
  return { seconds, failures, server: spent, client, others };
}

export interface LoadJob {
  readonly users: readonly string[];
  readonly inFlight: number;
  readonly hold: boolean;
  readonly bare?: boolean;
  readonly sessions?: number;
}

interface Line {
  readonly seconds?: number;
  readonly failures?: number;
  readonly lost?: number;
  readonly reason?: string;
}

interface Load {
  readonly pid: number;
  line(): Promise<Line>;
  end(): void;
}

/** Starts the one process of all clients. */
export function startLoad(server: TestServer, job: LoadJob): Load {
  const program = fileURLToPath(new URL('../programs/login-load.js', import.meta.url));
  const fingerprints = server.hostKeys.map(({ fingerprint }) => fingerprint);
  const { host, port, identity } = server;
  const argument = JSON.stringify({ host, port, identity: identity.file, fingerprints, ...job });
  const child = spawn(process.execPath, [program, argument], { stdio: ['pipe', 'pipe', 'inherit'] });
  trackChild(child);
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    pid: child.pid ?? -1,
    async line() {
      const { value, done } = await lines.next();
      if (done === true) throw new Error('the load process ended before it had said what came of it');
      return JSON.parse(value as string) as Line;
    },
    end: () => child.stdin.end(),
  };
}
