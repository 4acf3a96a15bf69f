/** Looking a host up in known_hosts: by ssh-keygen, and through the library. */
import { createHmac, randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { findHostEntries, parseKnownHosts } from '@nacre/ssh/trust';
import { makeFolder } from '../../test/harness/cleanup.ts';
import { openSshProgram } from '../../test/harness/openssh.ts';
import { missing, nacreProgram } from '../../test/harness/paths.ts';
import { measure } from '../command.ts';
import { type Competitor, type Measure, measureInTurns, type Sample, type Table } from '../table.ts';
import type { BenchSettings, Workload } from './types.ts';

export const knownHosts: Workload = {
  name: 'known-hosts',
  about:
    '`ssh-keygen -F host -f known_hosts`, start-up included, for the host on the last line. The library row is ' +
    '`parseKnownHosts` and `findHostEntries` in the driver, reading the file included and start-up not.',
  run,
};

const measures: readonly Measure[] = [
  { key: 'wall', title: 'ms', digits: 1, ratio: true },
  { key: 'cpu', title: 'cpu ms', digits: 1, ratio: true },
];

const sizes = [1000, 10_000, 100_000];

async function run(settings: BenchSettings): Promise<Table[]> {
  const folder = makeFolder('known-hosts');
  const tables: Table[] = [];
  for (const hashed of [false, true]) {
    for (const lineCount of sizes) {
      const file = join(folder, `${hashed ? 'hashed' : 'plain'}-${lineCount}`);
      writeFileSync(file, makeLines(lineCount, hashed));
      const find = { file, host: `host${lineCount}.example.com`, lineCount };
      const title = `${lineCount} lines, ${hashed ? 'hashed' : 'plain'} names, n = ${settings.repetitions}`;
      const chosen = competitors(find).filter(
        ({ name }, i) => i === 0 || settings.rows === undefined || name.includes(settings.rows),
      );
      tables.push(await measureInTurns(title, measures, chosen, settings.repetitions, settings.progress));
    }
  }
  return tables;
}

interface Find {
  readonly file: string;
  readonly host: string;
  readonly lineCount: number;
}

function competitors(find: Find): Competitor[] {
  const row = (name: string, program: () => string, needs: string): Competitor => ({
    name,
    skipped: missing(needs) || undefined,
    sample: () => findByProgram(program(), find),
  });
  return [
    row('openssh 9.2', () => openSshProgram('ssh-keygen'), 'ssh-keygen'),
    row('openssh 9.2 (again)', () => openSshProgram('ssh-keygen'), 'ssh-keygen'),
    row('nacre', () => nacreProgram('ssh-keygen'), 'nacre:ssh-keygen'),
    row('openssh 10', () => openSshProgram('ssh-keygen', '10.0'), 'openssh-10'),
    { name: 'nacre, library', sample: async () => findByLibrary(find) },
  ];
}

async function findByProgram(program: string, { file, host, lineCount }: Find): Promise<Sample> {
  const result = await measure([program, '-F', host, '-f', file]);
  if (!result.output.startsWith(`# Host ${host} found: line ${lineCount}`))
    throw new Error(`${program}: ${host} not found`);
  return { wall: result.seconds * 1000, cpu: result.clientCpu * 1000 };
}

function findByLibrary({ file, host }: Find): Sample {
  const [start, before] = [performance.now(), process.cpuUsage()];
  const known = parseKnownHosts(readFileSync(file, 'utf8'), { name: file });
  const found = findHostEntries([known], host).length;
  const { user, system } = process.cpuUsage(before);
  if (found !== 1) throw new Error(`${host} was found ${found} times`);
  return { wall: performance.now() - start, cpu: (user + system) / 1000 };
}

/** Each line a host and a key of its own. */
function makeLines(count: number, hashed: boolean): string {
  let text = '';
  const head = Buffer.from('0000000b7373682d6564323535313900000020', 'hex');
  for (let index = 1; index <= count; index++) {
    const name = `host${index}.example.com`;
    const hosts = hashed ? hashName(name) : `${name},10.${index >> 16}.${(index >> 8) & 255}.${index & 255}`;
    text += `${hosts} ssh-ed25519 ${Buffer.concat([head, randomBytes(32)]).toString('base64')}\n`;
  }
  return text;
}

function hashName(name: string): string {
  const salt = randomBytes(20);
  return `|1|${salt.toString('base64')}|${createHmac('sha1', salt).update(name).digest('base64')}`;
}
