/** `npm run bench -- [WORKLOAD…]`: measures nacre beside OpenSSH in turns, and prints a table a workload. */
import { parseArgs } from 'node:util';
import { cleanUp } from '../test/harness/cleanup.ts';
import { hasProc } from './cpu.ts';
import { circumstances, formatSection, saveJson, updateResults } from './results.ts';
import { workloads } from './workloads/table.ts';

const usage = `usage: npm run bench -- [WORKLOAD...] [--n REPETITIONS] [--mib SIZE] [--cipher NAME]... [--rows TEXT] [--update]
workloads: ${workloads.map(({ name }) => name).join(' ')}
  --n       repetitions of every row (5)
  --mib     size of a bulk transfer (256; sftp-bulk 1024)
  --cipher  of bulk transfers; may be repeated (aes128-gcm, aes256-gcm, chacha20-poly1305, aes256-ctr)
  --rows    only rows whose name holds this text, and the base
  --update  writes the tables into bench/RESULTS.md`;

const defaultCiphers = [
  'aes128-gcm@openssh.com',
  'aes256-gcm@openssh.com',
  'chacha20-poly1305@openssh.com',
  'aes256-ctr',
];

process.exitCode = await main(process.argv.slice(2));

async function main(args: string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      n: { type: 'string', default: '5' },
      mib: { type: 'string' },
      cipher: { type: 'string', multiple: true },
      rows: { type: 'string' },
      update: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  const unknown = positionals.find((name) => !workloads.some((workload) => workload.name === name));
  const [repetitions, mib] = [Number(values.n), values.mib === undefined ? undefined : Number(values.mib)];
  if (values.help || unknown !== undefined || !(repetitions >= 1) || !((mib ?? 1) > 0)) {
    console.error(unknown === undefined ? usage : `bench: no workload ${unknown}\n${usage}`);
    return values.help ? 0 : 2;
  }
  if (!hasProc()) {
    console.error('bench: processor times are read from /proc, which this system lacks');
    return 1;
  }
  const around = await circumstances();
  try {
    for (const { name, about, run, defaultMib = 256 } of workloads) {
      if (positionals.length > 0 && !positionals.includes(name)) continue;
      const tables = await run({
        repetitions,
        bulkBytes: Math.round((mib ?? defaultMib) * 2 ** 20),
        ciphers: values.cipher ?? defaultCiphers,
        rows: values.rows,
        progress: (line) => {
          if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${line}`);
        },
      });
      if (process.stderr.isTTY) process.stderr.write('\r\x1b[K');
      const section = formatSection(name, about, tables, around);
      console.log(section);
      console.error(`every sample: ${saveJson(name, tables, around)}`);
      if (values.update) updateResults(name, section);
    }
  } finally {
    await cleanUp();
  }
  return 0;
}
