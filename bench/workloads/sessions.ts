/** A hundred commands at once on one connection. */
import { currentUser } from '../../test/harness/servers.ts';
import type { Table } from '../table.ts';
import { measureRate, measureServers, rateMeasures, sessionCount } from './_load.ts';
import type { BenchSettings, Workload } from './types.ts';

export const sessions: Workload = {
  name: 'sessions',
  about:
    `${sessionCount} times \`echo\` at once, each in a session of its own, on one connection over which as many have run before. The client is one process of ` +
    "nacre's library in every row. cpu s is processor time per session of the server with the commands, cpu c of the client.",
  run,
};

async function run(settings: BenchSettings): Promise<Table[]> {
  const job = { users: [currentUser()], inFlight: 1, hold: false, sessions: sessionCount };
  const title = `${sessionCount} commands at once`;
  return [await measureServers(settings, title, rateMeasures, (server) => measureRate(server, job, sessionCount))];
}
