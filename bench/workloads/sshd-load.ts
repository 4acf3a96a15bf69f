/** Many at once, and many that stay: what sshd takes for them, in time, memory and processes. */
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
import { treeMemory } from '../../test/harness/process-tree.ts';
import { currentUser, type TestServer } from '../../test/harness/servers.ts';
import { createSystemUser, type SystemUser } from '../../test/harness/system-user.ts';
import { plainEnvironment } from '../command.ts';
import { machineSeconds, treeSeconds } from '../cpu.ts';
import { type Competitor, type Measure, measureInTurns, type Sample, type Table } from '../table.ts';
import type { BenchSettings, Workload } from './types.ts';

const loginCount = 500;
const userCount = 50;
const idleCount = 1000;
/** Logins one after another, and as many at a time as this. */
const shapes = [
  { inFlight: 1, logins: 40 },
  { inFlight: 50, logins: 200 },
];
const sessionCount = 100;

export const sshdLoad: Workload = {
  name: 'sshd-load',
  about:
    `${loginCount} simultaneous logins of one user and ${userCount} users at once, each with a connection of its own over which \`echo\` runs; logins per second, with and without ` +
    `a command; ${sessionCount} commands at once on one connection; then ` +
    `${idleCount} connections that are logged in and do nothing. The client is one process of nacre's library in every row. MiB is the ` +
    'proportional share (PSS) of all processes of the server together, found by following children of the one that was started; KiB each is what ' +
    'a connection adds to it. cpu s is processor time of the server, cpu c of the client.',
  run,
};

type Start = (options: { config: string[]; env: typeof plainEnvironment }) => Promise<TestServer>;
const servers: readonly { readonly name: string; readonly start: Start; readonly needs: string }[] = [
  { name: 'openssh sshd', start: startOpenSshServer, needs: 'sshd' },
  { name: 'openssh sshd (again)', start: startOpenSshServer, needs: 'sshd' },
  { name: 'nacre sshd', start: startNacreServer, needs: 'nacre:sshd' },
];

const loginMeasures: readonly Measure[] = [
  { key: 'seconds', title: 's', digits: 2, ratio: true },
  { key: 'failures', title: 'failed', digits: 0 },
  { key: 'server', title: 'cpu s s', digits: 2 },
  { key: 'client', title: 'cpu c s', digits: 2 },
  { key: 'others', title: 'others', digits: 2 },
];

const rateMeasures: readonly Measure[] = [
  { key: 'rate', title: 'per second', digits: 1, ratio: true },
  { key: 'failures', title: 'failed', digits: 0 },
  { key: 'server', title: 'cpu s ms each', digits: 1 },
  { key: 'client', title: 'cpu c ms each', digits: 1 },
  { key: 'others', title: 'others', digits: 2 },
];

const idleMeasures: readonly Measure[] = [
  { key: 'mib', title: 'MiB', digits: 0, ratio: true },
  { key: 'each', title: 'KiB each', digits: 1 },
  { key: 'empty', title: 'MiB with none', digits: 0 },
  { key: 'processes', title: 'processes', digits: 0 },
  { key: 'failures', title: 'failed', digits: 0 },
  { key: 'lost', title: 'lost', digits: 0 },
  { key: 'seconds', title: 's to log in', digits: 1 },
];

async function run(settings: BenchSettings): Promise<Table[]> {
  const isRoot = process.getuid?.() === 0;
  settings.progress('making accounts');
  const accounts: SystemUser[] = [];
  try {
    if (isRoot) for (let i = 0; i < userCount; i++) accounts.push(await createSystemUser());
    const one = accounts[0]?.name ?? currentUser();
    const config = ['MaxStartups 5000', `MaxSessions ${sessionCount}`, `AuthorizedKeysFile ${await keysForAll()}`];
    const chosen = servers.filter(
      (_, i) => i === 0 || settings.rows === undefined || servers[i]?.name.includes(settings.rows),
    );
    const measureAll = (title: string, measures: readonly Measure[], work: (server: TestServer) => Promise<Sample>) => {
      const competitors = chosen.map(
        ({ name, start, needs }): Competitor => ({
          name,
          skipped: missing(needs) || undefined,
          async sample() {
            // A server that has served before holds memory of that.
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
    };
    const logins = (users: readonly string[]) => (server: TestServer) => logInAll(server, users);
    const tables: Table[] = [];
    for (const { inFlight, logins: count } of shapes) {
      for (const bare of [true, false]) {
        const title = `${count} logins, ${inFlight} in flight, ${bare ? 'nothing is run' : 'a command each'}`;
        const job = { users: Array<string>(count).fill(one), inFlight, hold: false, bare };
        tables.push(await measureAll(title, rateMeasures, (server) => measureRate(server, job, count)));
      }
    }
    const sessions = { users: [one], inFlight: 1, hold: false, sessions: sessionCount };
    tables.push(
      await measureAll(`${sessionCount} commands at once on one connection`, rateMeasures, (server) =>
        measureRate(server, sessions, sessionCount),
      ),
    );
    tables.push(
      await measureAll(`${loginCount} logins of one user at once`, loginMeasures, logins(Array(loginCount).fill(one))),
    );
    if (isRoot) {
      const names = accounts.map(({ name }) => name);
      tables.push(await measureAll(`${userCount} users at once`, loginMeasures, logins(names)));
    }
    tables.push(await measureAll(`${idleCount} idle connections`, idleMeasures, (server) => holdAll(server, one)));
    return tables;
  } finally {
    for (const account of accounts) await account.remove();
  }
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
async function measureRate(server: TestServer, job: LoadJob, count: number): Promise<Sample> {
  await startLoad(server, { ...job, users: job.users.slice(0, 5), inFlight: 1 }).line();
  await delay(500);
  const { seconds, server: spent, client, ...rest } = await load(server, job);
  const each = (cpuSeconds: number) => (cpuSeconds * 1000) / count;
  return { rate: count / seconds, server: each(spent), client: each(client), ...rest };
}

function logInAll(server: TestServer, users: readonly string[]): Promise<Sample> {
  return load(server, { users, inFlight: users.length, hold: false });
}

async function load(server: TestServer, job: LoadJob) {
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

async function holdAll(server: TestServer, user: string): Promise<Sample> {
  const pid = server.pid as number;
  // One login first, for what is loaded once.
  await startLoad(server, { users: [user], inFlight: 1, hold: false }).line();
  await delay(1000);
  const empty = treeMemory(pid);
  const load = startLoad(server, { users: Array(idleCount).fill(user), inFlight: 20, hold: true });
  const { seconds = 0, failures = 0, reason } = await load.line();
  if (failures > 0) process.stderr.write(`\n${failures} logins failed: ${reason}\n`);
  await delay(2000);
  const full = treeMemory(pid);
  load.end();
  const { lost = 0 } = await load.line();
  const held = idleCount - failures;
  return {
    mib: full.pssBytes / 2 ** 20,
    each: (full.pssBytes - empty.pssBytes) / 1024 / held,
    empty: empty.pssBytes / 2 ** 20,
    processes: full.processes,
    ...{ failures, lost, seconds },
  };
}

interface LoadJob {
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

/** The one process of all clients. */
function startLoad(server: TestServer, job: LoadJob): Load {
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
