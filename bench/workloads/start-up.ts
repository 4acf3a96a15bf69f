/** How long a program takes that has next to nothing to do. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { makeKey } from '../../test/harness/keys.ts';
import { nacreProgram, requireProgram, root } from '../../test/harness/paths.ts';
import { measure } from '../command.ts';
import { type Competitor, type Measure, measureInTurns, type Table } from '../table.ts';
import type { BenchSettings, Workload } from './types.ts';

export const startUp: Workload = {
  name: 'start-up',
  about:
    '`-V` prints the version and ends, `-l` the fingerprint of a public key file; `node -e 0` is the floor of whatever runs on that Node. Ratios are to the first row.',
  run,
};

/** One start is too short to be told from chance. */
const startsPerSample = 5;

const measures: readonly Measure[] = [
  { key: 'wall', title: 'ms', digits: 1, ratio: true },
  { key: 'cpu', title: 'cpu ms', digits: 1 },
];

async function run(settings: BenchSettings): Promise<Table[]> {
  const ownNode = join(root, 'node_modules', 'node', 'bin', 'node');
  const node = existsSync(ownNode) ? ownNode : process.execPath;
  const ssh = nacreProgram('ssh');
  const key = `${(await makeKey()).file}.pub`;
  const competitors: Competitor[] = [
    competitor('node -e 0', [node, '-e', '0']),
    competitor('node -e 0 (again)', [node, '-e', '0']),
    competitor('nacre ssh -V', [ssh, '-V'], existsSync(ssh) ? undefined : 'bin/ssh does not exist yet'),
    competitor('openssh ssh -V', [requireProgram('ssh'), '-V']),
    competitor('nacre ssh-keygen -l', [nacreProgram('ssh-keygen'), '-l', '-f', key], undefined, 'SHA256:'),
    competitor('openssh ssh-keygen -l', [requireProgram('ssh-keygen'), '-l', '-f', key], undefined, 'SHA256:'),
    competitor('system node -e 0', [process.execPath, '-e', '0']),
  ];
  const title = `${startsPerSample} starts a sample, n = ${settings.repetitions}`;
  return [await measureInTurns(title, measures, competitors, settings.repetitions, settings.progress)];
}

function competitor(name: string, argv: readonly string[], skipped?: string, said = ''): Competitor {
  return {
    name,
    skipped,
    async sample() {
      const script = `for i in ${Array.from({ length: startsPerSample }, (_, i) => i + 1).join(' ')}; do "$@" || exit; done`;
      const result = await measure(['bash', '--norc', '--noprofile', '-c', script, 'starts', ...argv]);
      const answers = result.output.split('\n').filter((line) => line.includes(said)).length;
      if (said !== '' && answers !== startsPerSample) throw new Error(`${name} said ${result.output}`);
      return { wall: (result.seconds * 1000) / startsPerSample, cpu: (result.clientCpu * 1000) / startsPerSample };
    },
  };
}
