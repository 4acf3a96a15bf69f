/** Many at once, and many that stay: what sshd takes for them, in time, memory and processes. */
import { setTimeout as delay } from 'node:timers/promises';
import { treeMemory } from '../../test/harness/process-tree.ts';
import { currentUser, type TestServer } from '../../test/harness/servers.ts';
import { createSystemUser, type SystemUser } from '../../test/harness/system-user.ts';
import type { Measure, Sample, Table } from '../table.ts';
import { load, measureServers, quietMs, runLoad, settle, startLoad } from './_load.ts';
import type { BenchSettings, Workload } from './types.ts';

const loginCount = 500;
const userCount = 50;
const idleCount = 2000;
/** OpenSSH takes half a minute for as many; each has processes of its own, so that one takes what the next one takes. */
const briefIdleCount = 250;

export const sshdLoad: Workload = {
  name: 'sshd-load',
  about:
    `${loginCount} simultaneous logins of one user and ${userCount} users at once, each with a connection of its own over which \`echo\` runs; ` +
    `then ${idleCount} connections that are logged in and do nothing. The client is one process of nacre's library in every row. MiB is the ` +
    'proportional share (PSS) of all processes of the server together, found by following children of the one that was started; KiB each is what ' +
    `a connection adds to it; where time is short, OpenSSH holds ${briefIdleCount}. cpu s is processor time of the server, cpu c of the client.`,
  run,
};

const loginMeasures: readonly Measure[] = [
  { key: 'seconds', title: 's', digits: 2, ratio: true },
  { key: 'failures', title: 'failed', digits: 0 },
  { key: 'server', title: 'cpu s s', digits: 2 },
  { key: 'client', title: 'cpu c s', digits: 2 },
  { key: 'others', title: 'others', digits: 2 },
];

const idleMeasures: readonly Measure[] = [
  { key: 'count', title: 'connections', digits: 0 },
  { key: 'mib', title: 'MiB', digits: 0 },
  { key: 'each', title: 'KiB each', digits: 1, ratio: true },
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
    const logins = (users: readonly string[]) => (server: TestServer) => logInAll(server, users);
    const table = (
      title: string,
      measures: readonly Measure[],
      work: (server: TestServer, name: string) => Promise<Sample>,
    ) => measureServers(settings, title, measures, work);
    const same = Array<string>(loginCount).fill(one);
    const tables = [await table(`${loginCount} logins of one user at once`, loginMeasures, logins(same))];
    if (isRoot) {
      const names = accounts.map(({ name }) => name);
      tables.push(await table(`${userCount} users at once`, loginMeasures, logins(names)));
    }
    const held = (name: string) => (settings.isBrief && name.startsWith('openssh') ? briefIdleCount : idleCount);
    const idle = (server: TestServer, name: string) => holdAll(server, one, held(name));
    tables.push(await table(`${idleCount} idle connections`, idleMeasures, idle));
    return tables;
  } finally {
    for (const account of accounts) await account.remove();
  }
}

function logInAll(server: TestServer, users: readonly string[]): Promise<Sample> {
  return load(server, { users, inFlight: users.length, hold: false });
}

async function holdAll(server: TestServer, user: string, count: number): Promise<Sample> {
  const pid = server.pid as number;
  await settle(server, user);
  const empty = treeMemory(pid);
  const load = await startLoad(server, { users: Array<string>(count).fill(user), inFlight: 20, hold: true });
  const { seconds, failures } = await runLoad(load);
  await delay(quietMs);
  const full = treeMemory(pid);
  load.end();
  const { lost = 0 } = await load.line();
  const held = count - failures;
  return {
    count: held,
    mib: full.pssBytes / 2 ** 20,
    each: (full.pssBytes - empty.pssBytes) / 1024 / held,
    empty: empty.pssBytes / 2 ** 20,
    processes: full.processes,
    ...{ failures, lost, seconds },
  };
}
