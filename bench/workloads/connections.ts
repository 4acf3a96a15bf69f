/** Logins by public key, each with a command that does nothing: one at a time, and fifty at a time. */
import { measure } from '../command.ts';
import { chooseRows, pairs, type RunningPair, ssh2Pairs, whyNot } from '../pairs.ts';
import { startAnyPair } from '../ssh2-peer.ts';
import { type Competitor, type Measure, measureInTurns, type Sample, type Table } from '../table.ts';
import type { BenchSettings, Workload } from './types.ts';

export const connections: Workload = {
  name: 'connections',
  about:
    '`ssh host echo` with an Ed25519 key over curve25519, a client process each, start-up included. cpu is processor time per login of the ' +
    'client (c) and of the server with its children (s).',
  run,
};

/** How many at a time, and how many in all. */
const shapes = [
  { inFlight: 1, logins: 15 },
  { inFlight: 50, logins: 100 },
];

const measures: readonly Measure[] = [
  { key: 'rate', title: 'logins/s', digits: 1, ratio: true },
  { key: 'client', title: 'cpu c ms', digits: 1 },
  { key: 'server', title: 'cpu s ms', digits: 1 },
  { key: 'others', title: 'others', digits: 2 },
];

async function run(settings: BenchSettings): Promise<Table[]> {
  const chosen = chooseRows([...pairs, ...ssh2Pairs], settings.rows);
  const running = new Map<string, RunningPair>();
  for (const pair of chosen) if (whyNot(pair) === undefined) running.set(pair.name, await startAnyPair(pair));
  const tables: Table[] = [];
  try {
    for (const { inFlight, logins } of shapes) {
      const competitors = chosen.map((pair): Competitor => {
        const started = running.get(pair.name);
        if (started === undefined) return { name: pair.name, skipped: whyNot(pair), sample: () => Promise.resolve({}) };
        return { name: pair.name, sample: () => logIn(started, inFlight, logins) };
      });
      const title = `${inFlight} in flight, ${logins} logins, n = ${settings.repetitions}`;
      tables.push(await measureInTurns(title, measures, competitors, settings.repetitions, settings.progress));
    }
  } finally {
    for (const { testServer } of running.values()) await testServer.stop();
  }
  return tables;
}

/** xargs keeps so many clients going; one that fails makes it fail. */
async function logIn(pair: RunningPair, inFlight: number, logins: number): Promise<Sample> {
  const script = 'n=$1 p=$2; shift 2; seq "$n" | xargs -P "$p" -I {} "$@"';
  const argv = ['bash', '--norc', '--noprofile', '-c', script, 'logins', String(logins), String(inFlight)];
  const result = await measure([...argv, ...pair.command('echo in')], { server: pair.testServer });
  const succeeded = result.output.split('\n').filter((line) => line === 'in').length;
  if (succeeded !== logins) throw new Error(`${pair.name}: ${succeeded} of ${logins} logins succeeded`);
  return {
    rate: logins / result.seconds,
    client: (result.clientCpu * 1000) / logins,
    server: (result.serverCpu * 1000) / logins,
    others: result.others,
  };
}
