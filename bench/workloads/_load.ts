/** What the workloads about many logins share: one client process for all of them, and a fresh server for each sample. */
import { chmodSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { makeFolder } from '../../test/harness/cleanup.ts';
import { userKey } from '../../test/harness/keys.ts';
import { startNacreServer } from '../../test/harness/nacre.ts';
import { startOpenSshServer } from '../../test/harness/openssh.ts';
import { missing } from '../../test/harness/paths.ts';
import type { TestServer } from '../../test/harness/servers.ts';
import { plainEnvironment } from '../command.ts';
import { machineSeconds, treeSeconds } from '../cpu.ts';
import { type RunningJob, startJob } from '../job.ts';
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
  work: (server: TestServer, name: string) => Promise<Sample>,
): Promise<Table> {
  const config = ['MaxStartups 5000', `MaxSessions ${sessionCount}`, `AuthorizedKeysFile ${await keysForAll()}`];
  const competitors = chooseRows(servers, settings.rows).map(
    ({ name, start, needs }): Competitor => ({
      name,
      skipped: missing(needs) || undefined,
      // It is there to tell what chance does: where time is short, a few times have to do.
      ...(settings.isBrief && name.endsWith('(again)') && { most: 3 }),
      async sample() {
        const server = await start({ config, env: plainEnvironment });
        try {
          return await work(server, name);
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
  const first = await startLoad(server, { ...job, users: job.users.slice(0, 5), inFlight: 1 });
  await runLoad(first);
  first.end();
  await delay(500);
  const { seconds = 0, server: spent = 0, client = 0, ...rest } = await load(server, job);
  const each = (cpuSeconds: number) => (cpuSeconds * 1000) / count;
  return { rate: count / seconds, server: each(spent), client: each(client), ...rest };
}

export async function load(server: TestServer, job: LoadJob): Promise<Sample> {
  const pid = server.pid as number;
  const running = await startLoad(server, job);
  const [serverBefore, clientBefore, machineBefore] = [treeSeconds(pid), treeSeconds(running.pid), machineSeconds()];
  const outcome = await runLoad(running);
  const client = treeSeconds(running.pid) - clientBefore;
  const machine = machineSeconds();
  running.end();
  // What the last sessions used is on the server's account once they have been waited for.
  await delay(300);
  const spent = treeSeconds(pid) - serverBefore;
  const total = machine.total - machineBefore.total;
  const others = Math.max(0, (machine.busy - machineBefore.busy - spent - client) / total);
  return { ...outcome, server: spent, client, others };
}

export interface LoadJob {
  readonly users: readonly string[];
  readonly inFlight: number;
  readonly hold: boolean;
  readonly bare?: boolean;
  readonly sessions?: number;
}

/** The one process of all clients, ready: what it loads, and the connection of sessions, are not measured. */
export async function startLoad(server: TestServer, job: LoadJob): Promise<RunningJob> {
  const fingerprints = server.hostKeys.map(({ fingerprint }) => fingerprint);
  const { host, port, identity } = server;
  const running = startJob('login-load', { host, port, identity: identity.file, fingerprints, ...job });
  await running.line();
  return running;
}

/** Logins after which each process of a server has all that it loads once, and gives back what logins leave behind (sshd/tidy.ts). */
const firstLogins = 80 * availableParallelism();
export const quietMs = 2500;

/** Brings a server to where it is between two crowds: what is held from then on is what connections cost. */
export async function settle(server: TestServer, user: string, { bare = false, restMs = quietMs } = {}): Promise<void> {
  const users = Array<string>(firstLogins).fill(user);
  const first = await startLoad(server, { users, inFlight: 20, hold: false, bare });
  await runLoad(first);
  first.end();
  await delay(restMs);
}

/** Begins, and waits until all have logged in. */
export async function runLoad(load: RunningJob): Promise<{ seconds: number; failures: number }> {
  load.say('\n');
  const { seconds = 0, failures = 0, reason } = await load.line();
  if (failures > 0) process.stderr.write(`\n${failures} logins failed: ${reason}\n`);
  return { seconds, failures };
}
