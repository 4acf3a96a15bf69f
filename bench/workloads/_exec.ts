/** What the workloads about `ssh host command` share: a get and a put of a file, and what they took. */
import { createHash, randomBytes } from 'node:crypto';
import { closeSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { makeFolder } from '../../test/harness/cleanup.ts';
import { type Measured, measure } from '../command.ts';
import { type Pair, type RunningPair, whyNot } from '../pairs.ts';
import { startAnyPair } from '../ssh2-peer.ts';
import type { Competitor, Measure, Sample } from '../table.ts';

export const execMeasures: readonly Measure[] = [
  { key: 'get', title: 'get MB/s', digits: 0, ratio: true },
  { key: 'getClient', title: 'cpu c s/GiB', digits: 2 },
  { key: 'getServer', title: 'cpu s s/GiB', digits: 2 },
  { key: 'put', title: 'put MB/s', digits: 0, ratio: true },
  { key: 'putClient', title: 'cpu c s/GiB', digits: 2 },
  { key: 'putServer', title: 'cpu s s/GiB', digits: 2 },
  { key: 'others', title: 'others', digits: 2 },
];

/** Starts pairs, those that can be here. */
export async function startExecPairs(
  chosen: readonly Pair[],
  where: { readonly isLongPath?: boolean } = {},
): Promise<ReadonlyMap<string, RunningPair>> {
  const running = new Map<string, RunningPair>();
  for (const pair of chosen) {
    if (whyNot(pair) !== undefined) continue;
    running.set(pair.name, await startAnyPair(pair, where));
  }
  return running;
}

/** A competitor for each pair, with how often it is measured at most: one that is not at all is left out. */
export function execCompetitors(
  chosen: readonly (Pair & { readonly most?: number })[],
  running: ReadonlyMap<string, RunningPair>,
  cipher: string,
  { payload, proof }: ExecFiles,
): Competitor[] {
  const measured = chosen.filter(({ most }) => most !== 0);
  return measured.map(({ most, ...pair }): Competitor => {
    const started = running.get(pair.name);
    if (started === undefined) return { name: pair.name, skipped: whyNot(pair), sample: () => Promise.resolve({}) };
    let verified = false;
    const sample = async () => {
      // The first time the content is compared as well; it warms both ends up, and is not measured.
      if (!verified) await verify(started, cipher, proof);
      verified = true;
      return transfer(started, cipher, payload);
    };
    return { name: pair.name, sample, ...(most !== undefined && { most }) };
  });
}

export interface ExecFiles {
  readonly payload: Payload;
  readonly proof: Payload;
  readonly remove: () => void;
}

/** What is measured, and what is compared before: long enough for windows to open and grow, and for the other way's packets to come in between. */
export function makeExecFiles(bytes: number, proofBytes: number = Math.min(bytes, 128 * 2 ** 20)): ExecFiles {
  const payload = makePayload(bytes);
  const proof = makePayload(proofBytes);
  return {
    payload,
    proof,
    remove() {
      rmSync(payload.file);
      rmSync(proof.file);
    },
  };
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

/** A get and a put, with what they took. */
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
