/** `ssh host true`: by itself, and over a connection that a master shares. */
import { join } from 'node:path';
import { makeFolder } from '../../test/harness/cleanup.ts';
import { runProgram, startProgram } from '../../test/harness/programs.ts';
import { measure, plainEnvironment } from '../command.ts';
import { chooseRows, pairs, type RunningPair, startPair, whyNot } from '../pairs.ts';
import { type Competitor, type Measure, measureInTurns, type Sample, type Table } from '../table.ts';
import type { BenchSettings, Workload } from './types.ts';

export const oneCommand: Workload = {
  name: 'one-command',
  about:
    '`ssh host true` with an Ed25519 key, start-up of the client included: with a connection of its own, and with `-S` over one that a master ' +
    'of the same side holds. cpu is processor time per command of the client. CLIENT > SERVER.',
  run,
};

/** One command is too short to be told from chance. */
const commandsPerSample = 5;

const measures: readonly Measure[] = [
  { key: 'wall', title: 'ms', digits: 1, ratio: true },
  { key: 'cpu', title: 'cpu c ms', digits: 1 },
  { key: 'others', title: 'others', digits: 2 },
];

async function run(settings: BenchSettings): Promise<Table[]> {
  const chosen = chooseRows(pairs, settings.rows);
  const running = new Map<string, RunningPair>();
  for (const pair of chosen) if (whyNot(pair) === undefined) running.set(pair.name, await startPair(pair));
  const masters = new Map<string, Master>();
  try {
    if (!settings.isBrief) for (const [name, pair] of running) masters.set(name, await startMaster(pair));
    const tables: Table[] = [];
    for (const isShared of settings.isBrief ? [false] : [false, true]) {
      const competitors = chosen.map((pair): Competitor => {
        const started = running.get(pair.name);
        if (started === undefined) return { name: pair.name, skipped: whyNot(pair), sample: () => Promise.resolve({}) };
        const flags = isShared ? ['-S', masters.get(pair.name)?.path ?? ''] : ['-S', 'none'];
        return { name: pair.name, sample: () => sample(started.argv(['true'], flags)) };
      });
      const title = `${isShared ? 'over a master' : 'cold'}, ${commandsPerSample} a sample, n = ${settings.repetitions}`;
      tables.push(await measureInTurns(title, measures, competitors, settings.repetitions, settings.progress));
    }
    return tables;
  } finally {
    for (const master of masters.values()) await master.stop();
    for (const { testServer } of running.values()) await testServer.stop();
  }
}

async function sample(argv: readonly string[]): Promise<Sample> {
  const turns = Array.from({ length: commandsPerSample }, (_, i) => i + 1).join(' ');
  const script = `for i in ${turns}; do "$@" || exit; done`;
  const result = await measure(['bash', '--norc', '--noprofile', '-c', script, 'commands', ...argv]);
  return {
    wall: (result.seconds * 1000) / commandsPerSample,
    cpu: (result.clientCpu * 1000) / commandsPerSample,
    others: result.others,
  };
}

interface Master {
  readonly path: string;
  stop(): Promise<void>;
}

async function startMaster(pair: RunningPair): Promise<Master> {
  const path = join(makeFolder('master'), 'socket');
  const program = startProgram(pair.argv([], ['-M', '-N', '-S', path]), { env: plainEnvironment });
  const check = pair.argv([], ['-S', path, '-O', 'check']);
  for (let tries = 0; (await runProgram(check, { env: plainEnvironment })).status !== 0; tries++) {
    if (tries === 50) throw new Error(`${pair.name}: the master did not come up: ${program.log()}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return { path, stop: () => program.stop() };
}
