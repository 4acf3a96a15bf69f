/** What processes that move ten gigabytes hold of memory, and whether it grows. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { Readable } from 'node:stream';
import { trackChild } from '../../test/harness/cleanup.ts';
import { processTree } from '../../test/harness/process-tree.ts';
import { plainEnvironment } from '../command.ts';
import { chooseRows, pairs, type RunningPair, ssh2Pairs, whyNot } from '../pairs.ts';
import { isSsh2, startAnyPair } from '../ssh2-peer.ts';
import { type Competitor, type Measure, measureInTurns, type Sample, type Table } from '../table.ts';
import type { BenchSettings, Workload } from './types.ts';

const allBytes = 10_000_000_000;
/** Ten would take ssh2's three rows three minutes of the hour that all of it has. */
const ssh2Bytes = 3_000_000_000;
const samplingMs = 200;

export const memoryBulk: Workload = {
  name: 'memory-bulk',
  about:
    '10 GB each way through `ssh host command`. MB is the most that the client, and that any process of the server, had resident at any time ' +
    '(read five times a second); growth is how much higher that was in the second half of a transfer than in the first. Rows with ssh2 move as ' +
    'much as their name says.',
  run,
};

const measures: readonly Measure[] = [
  { key: 'client', title: 'client MB', digits: 1 },
  { key: 'clientGrowth', title: 'growth MB', digits: 1 },
  { key: 'server', title: 'server MB', digits: 1 },
  { key: 'serverGrowth', title: 'growth MB', digits: 1 },
  { key: 'get', title: 'get MB/s', digits: 0 },
  { key: 'put', title: 'put MB/s', digits: 0 },
];

async function run(settings: BenchSettings): Promise<Table[]> {
  const running: RunningPair[] = [];
  try {
    const competitors: Competitor[] = [];
    // Two of OpenSSH's own ends say nothing new a second time.
    for (const pair of chooseRows([...pairs, ...ssh2Pairs], settings.rows).filter(
      ({ name }) => !name.endsWith('(again)'),
    )) {
      const skipped = whyNot(pair);
      const bytes = isSsh2(pair) ? ssh2Bytes : allBytes;
      const name = isSsh2(pair) ? `${pair.name}, ${bytes / 1e9} GB` : pair.name;
      if (settings.isBrief && !isSsh2(pair) && name !== 'nacre > nacre') continue;
      if (skipped !== undefined) {
        competitors.push({ name, skipped, sample: () => Promise.resolve({}) });
        continue;
      }
      const started = await startAnyPair(pair);
      running.push(started);
      competitors.push({ name, sample: () => moveBothWays(started, bytes) });
    }
    const title = `10 GB each way, n = ${settings.repetitions}`;
    return [await measureInTurns(title, measures, competitors, settings.repetitions, settings.progress)];
  } finally {
    for (const { testServer } of running) await testServer.stop();
  }
}

async function moveBothWays(pair: RunningPair, bytes: number): Promise<Sample> {
  const get = await move(pair, 'get', bytes, `head -c ${bytes} /dev/zero`);
  const put = await move(pair, 'put', bytes, 'wc -c');
  const most = (side: 'client' | 'server') => Math.max(get[side].most(), put[side].most()) / 1e6;
  const growth = (side: 'client' | 'server') => Math.max(get[side].growth(), put[side].growth()) / 1e6;
  return {
    ...{ client: most('client'), clientGrowth: growth('client') },
    ...{ server: most('server'), serverGrowth: growth('server') },
    ...{ get: bytes / 1e6 / get.seconds, put: bytes / 1e6 / put.seconds },
  };
}

/** Runs "$@" between pipes, and says first by which process. */
const piped = `client() { echo "$BASHPID" >&3; exec "$@" 3>&-; }
way=$1 bytes=$2; shift 2
set -o pipefail
if [ "$way" = put ]; then head -c "$bytes" /dev/zero | client "$@"; else client "$@" </dev/null | wc -c; fi`;

/** Runs one transfer and looks at both ends all the while. What arrives is counted. */
async function move(pair: RunningPair, way: 'get' | 'put', bytes: number, command: string) {
  const argv = pair.command(command, ['Ciphers=aes128-gcm@openssh.com']);
  const env = { ...process.env, ...plainEnvironment };
  const words = ['--norc', '--noprofile', '-c', piped, 'memory', way, String(bytes), ...argv];
  const start = performance.now();
  const child = spawn('bash', words, { env, stdio: ['ignore', 'pipe', 'inherit', 'pipe'] });
  trackChild(child);
  const ended = new Promise<number | null>((resolve, reject) => child.on('error', reject).on('exit', resolve));
  const counted = readAll(child.stdio[1] as Readable);
  const [pid] = (await once(child.stdio[3] as Readable, 'data')) as [Buffer];
  const client = Number(pid.toString());
  const [ofClient, ofServer] = [new Resident(), new Resident()];
  const timer = setInterval(() => {
    ofClient.add(residentBytes(client));
    const servers = processTree(pair.testServer.pid as number);
    ofServer.add(Math.max(0, ...servers.map(residentBytes)));
  }, samplingMs);
  try {
    if ((await ended) !== 0 || Number(await counted) !== bytes)
      throw new Error(`${pair.name}: ${way} moved ${await counted} of ${bytes} bytes`);
  } finally {
    clearInterval(timer);
  }
  return { seconds: (performance.now() - start) / 1000, client: ofClient, server: ofServer };
}

/** What one side held, over time. */
class Resident {
  readonly #samples: number[] = [];

  add(value: number): void {
    if (value > 0) this.#samples.push(value);
  }

  most(): number {
    return Math.max(0, ...this.#samples);
  }

  growth(): number {
    const half = this.#samples.length / 2;
    return Math.max(0, ...this.#samples.slice(half)) - Math.max(0, ...this.#samples.slice(0, half));
  }
}

function residentBytes(pid: number): number {
  try {
    return Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) * 1024;
  } catch {
    // It has just ended.
    return 0;
  }
}

async function readAll(stream: Readable): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8').trim();
}
