/** ssh-keyscan of many servers at once. */

import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { makeFolder, trackChild } from '../../test/harness/cleanup.ts';
import { openSshProgram } from '../../test/harness/openssh.ts';
import { missing, nacreProgram } from '../../test/harness/paths.ts';
import { measure } from '../command.ts';
import { treeSeconds } from '../cpu.ts';
import { type Competitor, type Measure, measureInTurns, type Sample, type Table } from '../table.ts';
import type { BenchSettings, Workload } from './types.ts';

const serverCount = 300;

export const keyscan: Workload = {
  name: 'keyscan',
  about:
    `\`ssh-keyscan -f hosts\` of ${serverCount} servers on addresses of this machine, all of them in one process of nacre's library ` +
    'with RSA, ECDSA and Ed25519 keys. Each server has keys of three types, and the default asks for five. cpu is processor time ' +
    'of the scanner (c) and of the servers (s).',
  run,
};

const measures: readonly Measure[] = [
  { key: 'wall', title: 's', digits: 2, ratio: true },
  { key: 'client', title: 'cpu c s', digits: 2, ratio: true },
  { key: 'server', title: 'cpu s s', digits: 2 },
  { key: 'others', title: 'others', digits: 2 },
];

const shapes = [
  { title: 'Ed25519 keys only, servers with curve25519-sha256', kex: ['curve25519-sha256'], flags: ['-t', 'ed25519'] },
  { title: 'all types, servers with curve25519-sha256', kex: ['curve25519-sha256'], flags: [] },
  { title: 'all types, servers with every key exchange that is on by default', kex: [], flags: [] },
];

const scanners = [
  { name: 'openssh 9.2', program: () => openSshProgram('ssh-keyscan'), needs: 'ssh-keyscan' },
  { name: 'openssh 9.2 (again)', program: () => openSshProgram('ssh-keyscan'), needs: 'ssh-keyscan' },
  { name: 'nacre', program: () => nacreProgram('ssh-keyscan'), needs: 'nacre:ssh-keyscan' },
  { name: 'openssh 10', program: () => openSshProgram('ssh-keyscan', '10.0'), needs: 'openssh-10' },
];

async function run(settings: BenchSettings): Promise<Table[]> {
  const tables: Table[] = [];
  for (const { title, kex, flags } of shapes) {
    const servers = await startServers(kex);
    try {
      const keysPerServer = flags.length > 0 ? 1 : 3;
      const competitors = scanners
        .filter(({ name }, i) => i === 0 || settings.rows === undefined || name.includes(settings.rows))
        .map(({ name, program, needs }): Competitor => {
          const skipped = missing(needs) || undefined;
          const argv = () => [program(), '-p', String(servers.port), '-T', '60', ...flags, '-f', servers.hostsFile];
          return { name, skipped, sample: () => scan(argv(), servers, keysPerServer) };
        });
      const heading = `${title}, n = ${settings.repetitions}`;
      tables.push(await measureInTurns(heading, measures, competitors, settings.repetitions, settings.progress));
    } finally {
      servers.stop();
    }
  }
  return tables;
}

async function scan(argv: readonly string[], servers: Servers, keysPerServer: number): Promise<Sample> {
  const serverBefore = treeSeconds(servers.pid);
  const result = await measure(argv);
  const server = treeSeconds(servers.pid) - serverBefore;
  const keys = result.output.split('\n').filter((line) => line.startsWith('[')).length;
  if (keys !== serverCount * keysPerServer) throw new Error(`${argv[0]}: ${keys} keys came out`);
  return { wall: result.seconds, client: result.clientCpu, server, others: result.others };
}

interface Servers {
  readonly pid: number;
  readonly port: number;
  readonly hostsFile: string;
  stop(): void;
}

async function startServers(kex: readonly string[]): Promise<Servers> {
  const program = fileURLToPath(new URL('../keyscan-servers.js', import.meta.url));
  const child = spawn(process.execPath, [program, String(serverCount), ...kex], { stdio: ['pipe', 'pipe', 'inherit'] });
  trackChild(child);
  const port = await new Promise<number>((resolve, reject) => {
    let text = '';
    child.stdout?.on('data', (chunk: Buffer) => {
      text += chunk.toString('latin1');
      const found = /^port (\d+)\n/.exec(text);
      if (found !== null) resolve(Number(found[1]));
    });
    child.on('exit', () => reject(new Error('the servers could not be started')));
  });
  const hostsFile = join(makeFolder('keyscan'), 'hosts');
  const hosts = Array.from({ length: serverCount }, (_, i) => `127.16.${Math.floor(i / 250)}.${(i % 250) + 1}\n`);
  writeFileSync(hostsFile, hosts.join(''));
  return { pid: child.pid ?? -1, port, hostsFile, stop: () => void child.stdin?.end() };
}
