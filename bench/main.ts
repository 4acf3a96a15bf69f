/** `npm run bench -- [WORKLOAD…]`: measures nacre beside OpenSSH in turns, and prints a table a workload. */
import { parseArgs } from 'node:util';
import { cleanUp } from '../test/harness/cleanup.ts';
import { hasProc } from './cpu.ts';
import { type PlanEntry, plan, wholeMinutes } from './plan.ts';
import { circumstances } from './results.ts';
import { type RunOptions, runEntries, showTargets } from './run.ts';
import { workloads } from './workloads/table.ts';

/** Of a workload that is asked for by its name. */
const defaultRepetitions = 7;

const usage = `usage: npm run bench -- [all | targets | WORKLOAD...] [--n REPETITIONS] [--mib SIZE] [--cipher NAME]... [--rows TEXT] [--update]
  all       what the targets ask for, in less than an hour, and the table of targets; so does no word at all.
            With workloads behind it: those of them alone, as often and as large as all has them
  targets   the table of targets from the samples that were kept
workloads: ${workloads.map(({ name }) => name).join(' ')}
  --n       repetitions of every row (${defaultRepetitions}; of all, as bench/plan.ts says)
  --mib     size of a bulk transfer (256; sftp-bulk 1024)
  --cipher  of bulk transfers; may be repeated (aes128-gcm, aes256-gcm, chacha20-poly1305, aes256-ctr)
  --rows    only rows whose name holds this text, and the base
  --update  writes the tables into bench/RESULTS.md, and the samples into bench/samples`;

process.exitCode = await main(process.argv.slice(2));

function readArguments(args: string[]) {
  return parseArgs({
    args,
    allowPositionals: true,
    options: {
      n: { type: 'string' },
      mib: { type: 'string' },
      cipher: { type: 'string', multiple: true },
      rows: { type: 'string' },
      update: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
}

async function main(args: string[]): Promise<number> {
  let read: ReturnType<typeof readArguments>;
  try {
    read = readArguments(args);
  } catch (error) {
    console.error(`bench: ${error instanceof Error ? error.message : String(error)}\n${usage}`);
    return 2;
  }
  const { values, positionals } = read;
  const isAll = positionals.length === 0 || positionals.includes('all');
  const isTargets = positionals.join() === 'targets';
  const words = isAll ? positionals.filter((word) => word !== 'all') : positionals;
  const unknown = words.find((word) => !isTargets && !workloads.some(({ name }) => name === word));
  const [repetitions, mib] = [values.n, values.mib].map((text) => (text === undefined ? undefined : Number(text)));
  if (values.help || unknown !== undefined || !((repetitions ?? 1) >= 1) || !((mib ?? 1) > 0)) {
    console.error(unknown === undefined ? usage : `bench: no workload ${unknown}\n${usage}`);
    return values.help ? 0 : 2;
  }
  if (!hasProc()) {
    console.error('bench: processor times are read from /proc, which this system lacks');
    return 1;
  }
  const command = ['npm run bench --', ...args].join(' ');
  const options: RunOptions = {
    around: await circumstances(command),
    minutes: isAll && words.length === 0 ? wholeMinutes : undefined,
    isBrief: isAll || isTargets,
    isKept: values.update,
    rows: values.rows,
  };
  if (isTargets) {
    showTargets(new Map(), new Map(), options);
    return 0;
  }
  const named = workloads.filter(({ name }) => positionals.includes(name));
  const chosen = isAll
    ? plan.filter(({ workload }) => words.length === 0 || words.includes(workload))
    : named.map(({ name }): PlanEntry => ({ workload: name, repetitions: defaultRepetitions, minutes: 0 }));
  const given = {
    ...(repetitions !== undefined && { repetitions }),
    ...(mib !== undefined && { mib }),
    ...(values.cipher !== undefined && { ciphers: values.cipher }),
  };
  try {
    return (await runEntries(
      chosen.map((entry) => ({ ...entry, ...given })),
      options,
    )) === 0
      ? 0
      : 1;
  } finally {
    await cleanUp();
  }
}
