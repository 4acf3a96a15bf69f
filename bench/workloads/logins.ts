/** Logins per second that a server takes from one client process: one after another, and fifty at a time. */
import { currentUser } from '../../test/harness/servers.ts';
import type { Table } from '../table.ts';
import { measureRate, measureServers, rateMeasures } from './_load.ts';
import type { BenchSettings, Workload } from './types.ts';

const shapes = [
  { inFlight: 1, logins: 40 },
  { inFlight: 50, logins: 200 },
];

export const logins: Workload = {
  name: 'logins',
  about:
    "Logins with an Ed25519 key over curve25519, from one process of nacre's library in every row; nothing is run, and in the last two tables " +
    'a command each. cpu s is processor time per login of the server with its children, cpu c of the client.',
  run,
};

async function run(settings: BenchSettings): Promise<Table[]> {
  const tables: Table[] = [];
  for (const bare of settings.isBrief ? [true] : [true, false]) {
    for (const { inFlight, logins: count } of shapes) {
      const title = `${inFlight} in flight, ${count} logins, ${bare ? 'nothing is run' : 'a command each'}`;
      const job = { users: Array<string>(count).fill(currentUser()), inFlight, hold: false, bare };
      tables.push(await measureServers(settings, title, rateMeasures, (server) => measureRate(server, job, count)));
    }
  }
  return tables;
}
