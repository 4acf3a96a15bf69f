/** Bulk data through `ssh host command`, both directions, a table a cipher. */
import { createHash, randomBytes } from 'node:crypto';
import { closeSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { makeFolder } from '../../test/harness/cleanup.ts';
import { type Measured, measure } from '../command.ts';
import { chooseRows, type Pair, pairs, type RunningPair, ssh2Pairs, whyNot } from '../pairs.ts';
import { isSsh2, startAnyPair } from '../ssh2-peer.ts';
import { type Competitor, type Measure, measureInTurns, type Sample, type Table } from '../table.ts';
import type { BenchSettings, Workload } from './types.ts';

export const execBulk: Workload = {
  name: 'exec-bulk',
  about:
    'One `ssh host command` a measurement, connection set-up included: get is `cat file` at the server, put is `wc -c` there. ' +
    'cpu is processor time per GiB of the client (c) and of the server with its children (s); others is the share of the ' +
    'machine that neither used. What arrives is counted every time, and before the first time compared as well (128 MiB).',
  run,
};

const measures: readonly Measure[] = [
  { key: 'get', title: 'get MB/s', digits: 0, ratio: true },
  { key: 'getClient', title: 'cpu c s/GiB', digits: 2 },
  { key: 'getServer', title: 'cpu s s/GiB', digits: 2 },
  { key: 'put', title: 'put MB/s', digits: 0, ratio: true },
  { key: 'putClient', title: 'cpu c s/GiB', digits: 2 },
  { key: 'putServer', title: 'cpu s s/GiB', digits: 2 },
  { key: 'others', title: 'others', digits: 2 },
];

async function run(settings: BenchSettings): Promise<Table[]> {
  const payload = makePayload(settings.bulkBytes);
  // Long enough for windows to open and grow, and for the other way's packets to come in between.
  const proof = makePayload(Math.min(settings.bulkBytes, 128 * 2 ** 20));
  const tables: Table[] = [];
  const running = new Map<string, RunningPair>();
  for (const pair of chosenPairs(settings))
    if (whyNot(pair) === undefined) running.set(pair.name, await startAnyPair(pair));
  try {
    for (const cipher of settings.ciphers) {
      const measured = chosenPairs(settings).filter((pair) => limitOf(pair, cipher, settings).most !== 0);
      const competitors = measured.map((pair): Competitor => {
        const started = running.get(pair.name);
        if (started === undefined) return { name: pair.name, skipped: whyNot(pair), sample: () => Promise.resolve({}) };
        let verified = false;
        const sample = async () => {
          // The first time the content is compared as well; it warms both ends up, and is not measured.
          if (!verified) await verify(started, cipher, proof);
          verified = true;
          return transfer(started, cipher, payload);
        };
        return { name: pair.name, sample, ...limitOf(pair, cipher, settings) };
      });
      const title = `${cipher}, ${settings.bulkBytes / 2 ** 20} MiB, n = ${settings.repetitions}`;
      tables.push(await measureInTurns(title, measures, competitors, settings.repetitions, settings.progress));
    }
  } finally {
    for (const { testServer } of running.values()) await testServer.stop();
    rmSync(payload.file);
    rmSync(proof.file);
  }
  return tables;
}

function chosenPairs({ rows }: BenchSettings) {
  return chooseRows([...pairs, ...ssh2Pairs], rows);
}

/** Rows that no target asks for are there to compare with: where time is short, a few times have to do. */
function limitOf(pair: Pair, cipher: string, { isBrief }: BenchSettings): { most?: number } {
  if (!isBrief) return {};
  const isFirst = cipher.startsWith('aes128-gcm');
  if (isSsh2(pair)) return { most: isFirst || cipher.startsWith('chacha20') ? 2 : 0 };
  return pair.name.endsWith('(again)') && !isFirst ? { most: 3 } : {};
}

interface Payload {
  readonly file: string;
  readonly bytes: number;
  readonly sha256: string;
}

/** A file of random bytes, which stays in the page cache. */
function makePayload(bytes: number): Payload {
  const file = join(makeFolder('payload'), 'payload');
  const block = randomBytes(4 * 2 ** 20);
  const hash = createHash('sha256');
  const out = openSync(file, 'w');
  for (let written = 0; written < bytes; ) {
    // Blocks differ, or one that came twice in place of another would go unseen.
    block.writeUInt32BE(written / block.length, 0);
    const part = block.subarray(0, Math.min(block.length, bytes - written));
    writeSync(out, part);
    hash.update(part);
    written += part.length;
  }
  closeSync(out);
  return { file, bytes, sha256: hash.digest('hex') };
}

function options(cipher: string): string[] {
  // For ciphers that carry no tag of their own the MAC counts as well.
  return [`Ciphers=${cipher}`, 'MACs=hmac-sha2-256-etm@openssh.com', 'Compression=no'];
}

async function verify(pair: RunningPair, cipher: string, payload: Payload): Promise<void> {
  const server = pair.testServer;
  const get = await measure(pair.command(`cat ${payload.file}`, options(cipher)), { server, sink: 'sha256sum' });
  const put = await measure(pair.command('sha256sum', options(cipher)), { server, inputFile: payload.file });
  for (const [direction, { output }] of Object.entries({ get, put })) {
    if (!output.startsWith(payload.sha256)) throw new Error(`${pair.name}: ${direction} changed the bytes: ${output}`);
  }
}

async function transfer(pair: RunningPair, cipher: string, payload: Payload): Promise<Sample> {
  const server = pair.testServer;
  const get = await measure(pair.command(`cat ${payload.file}`, options(cipher)), { server, sink: 'wc -c' });
  requireLength(pair, 'get', get, payload);
  const put = await measure(pair.command('wc -c', options(cipher)), { server, inputFile: payload.file });
  requireLength(pair, 'put', put, payload);
  const perGiB = 2 ** 30 / payload.bytes;
  return {
    get: payload.bytes / 1e6 / get.seconds,
    getClient: get.clientCpu * perGiB,
    getServer: get.serverCpu * perGiB,
    put: payload.bytes / 1e6 / put.seconds,
    putClient: put.clientCpu * perGiB,
    putServer: put.serverCpu * perGiB,
    others: Math.max(get.others, put.others),
  };
}

function requireLength(pair: RunningPair, direction: string, { output }: Measured, { bytes }: Payload): void {
  if (Number(output) !== bytes) throw new Error(`${pair.name}: ${direction} moved ${output} of ${bytes} bytes`);
}
