/** How long a key takes to the program at the other end and back, with nothing else going on and under load. */
import { join } from 'node:path';
import { missing, requireProgram, root } from '../../test/harness/paths.ts';
import { freePort, runProgram } from '../../test/harness/programs.ts';
import { plainEnvironment } from '../command.ts';
import { startTarget, type Target } from '../forward-target.ts';
import { chooseRows, type Pair, pairs, type RunningPair, ssh2Pairs, whyNot } from '../pairs.ts';
import { isSsh2, startAnyPair } from '../ssh2-peer.ts';
import { type Competitor, type Measure, measureInTurns, type Sample, type Table } from '../table.ts';
import type { BenchSettings, Workload } from './types.ts';

const keyCount = 200;
const intervalMs = 15;

export const keystrokes: Workload = {
  name: 'keystrokes',
  about:
    `${keyCount} keys, one every ${intervalMs} ms, typed at \`ssh -tt host\` with a program there that echoes them: time from key to echo. Under load, ` +
    'the same connection carries an endless download through `-L`, whose speed stands beside. Keystroke timing is not obscured ' +
    '(ObscureKeystrokeTiming=no). ssh2 has no terminals for a server to give: there `script` makes one, and the client asks for none.',
  run,
};

const measures: readonly Measure[] = [
  { key: 'p50', title: 'p50 ms', digits: 2, ratio: true },
  { key: 'p99', title: 'p99 ms', digits: 2, ratio: true },
];
const loadMeasures: readonly Measure[] = [...measures, { key: 'rate', title: 'load MB/s', digits: 0 }];

async function run(settings: BenchSettings): Promise<Table[]> {
  const chosen = chooseRows([...pairs, ...ssh2Pairs], settings.rows);
  const target = await startTarget();
  const running = new Map<string, RunningPair>();
  try {
    for (const pair of chosen) if (whyNot(pair) === undefined) running.set(pair.name, await startAnyPair(pair));
    const tables: Table[] = [];
    for (const isLoaded of [false, true]) {
      const competitors = chosen.map((pair): Competitor => {
        const started = running.get(pair.name);
        const skipped =
          started === undefined
            ? whyNot(pair)
            : missing('python3', ...(pair.server === 'ssh2' ? ['script'] : [])) || undefined;
        if (started === undefined || skipped !== undefined)
          return { name: pair.name, skipped, sample: () => Promise.resolve({}) };
        const sample = () => type(started, isLoaded ? target : undefined);
        return { name: pair.name, sample, ...(settings.isBrief && limitOf(pair)) };
      });
      const title = `${isLoaded ? 'under load' : 'idle'}, n = ${settings.repetitions}`;
      const shown = isLoaded ? loadMeasures : measures;
      tables.push(await measureInTurns(title, shown, competitors, settings.repetitions, settings.progress));
    }
    return tables;
  } finally {
    for (const { testServer } of running.values()) await testServer.stop();
    await target.close();
  }
}

/** Rows that no target asks for are there to compare with: where time is short, a few times have to do. */
function limitOf(pair: Pair): { most?: number } {
  if (isSsh2(pair)) return { most: 1 };
  return pair.name === 'openssh > openssh' || pair.name === 'nacre > nacre' ? {} : { most: 3 };
}

/** What runs at the other end, in a terminal that passes every key on. */
const echoing = 'stty raw -echo; echo READY; exec cat';

async function type(pair: RunningPair, target: Target | undefined): Promise<Sample> {
  const port = target === undefined ? 0 : await freePort();
  const makesTerminal = pair.server !== 'ssh2';
  const flags = [
    makesTerminal ? '-tt' : '-T',
    ...(target === undefined ? [] : ['-L', `${port}:127.0.0.1:${target.port}`]),
  ];
  const options = ['IgnoreUnknown=ObscureKeystrokeTiming', 'ObscureKeystrokeTiming=no', 'ExitOnForwardFailure=yes'];
  const remote = makesTerminal ? echoing : `exec script -qfec '${echoing}' /dev/null`;
  // A client that has not asked for a terminal leaves its own as it is.
  const before = makesTerminal ? [] : ['sh', '-c', 'stty raw -echo; exec "$@"', 'raw'];
  const client = [...before, ...pair.argv([remote], flags, options)];
  const script = join(root, 'bench', 'programs', 'keystrokes.py');
  const argv = [requireProgram('python3'), script, String(keyCount), String(intervalMs), String(port), ...client];
  const result = await runProgram(argv, { env: plainEnvironment, timeoutMs: 120_000 });
  if (result.status !== 0) throw new Error(`${pair.name}: ${result.stderr || result.stdout}`);
  const { times, rate } = JSON.parse(result.stdout.toString()) as { times: number[]; rate: number };
  const sorted = [...times].sort((a, b) => a - b);
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] as number;
  return { p50: at(0.5), p99: at(0.99), rate };
}
