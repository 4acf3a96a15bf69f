/** Does one thing many times over one connection of the library, as the JSON of its argument says, and tells what it cost. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { connect, knownHosts, openSftp } from '@nacre/ssh/client';
import { parsePrivateKey } from '@nacre/ssh/keys';
import { get } from '@nacre/ssh/transfer';

const job = JSON.parse(process.argv[2] ?? '') as {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly identity: string;
  readonly knownHosts: string;
  readonly kind: 'channels' | 'list' | 'tree';
  /** How many there are to be. */
  readonly count: number;
  readonly rounds: number;
  /** A folder, or the port of a server that echoes. */
  readonly path: string;
  readonly echoPort: number;
};

const connection = await connect(`${job.user}@${job.host}:${job.port}`, {
  hostKeys: knownHosts({ userFiles: [job.knownHosts], globalFiles: [] }),
  identities: [await parsePrivateKey(readFileSync(job.identity))],
  algorithms: { kex: ['curve25519-sha256'] },
});
const kinds = { channels: () => Promise.resolve(echoAll), list: listing, tree: copying };
const work = await kinds[job.kind]();
await work();
// Whoever started this program counts from here, and once more at the end.
process.stdout.write('ready\n');
await new Promise((resolve) => process.stdin.once('data', resolve));
const before = process.cpuUsage();
for (let round = 0; round < job.rounds; round++) {
  const done = await work();
  if (done !== job.count) throw new Error(`${done} of ${job.count}`);
}
const { user, system } = process.cpuUsage(before);
process.stdout.write(`${JSON.stringify({ cpuSeconds: (user + system) / 1e6 })}\n`);
await new Promise((resolve) => process.stdin.once('end', resolve).resume());
await connection.close();

/** All channels are open at the same time; a byte goes there and back over each. */
async function echoAll(): Promise<number> {
  const streams: Duplex[] = [];
  // So many at a time: it is about those that are open, not about those that are being opened.
  while (streams.length < job.count) {
    const more = Math.min(10, job.count - streams.length);
    const opened = Array.from({ length: more }, () => connection.forwardTcp('127.0.0.1', job.echoPort));
    streams.push(...(await Promise.all(opened)));
  }
  let echoed = 0;
  for (const stream of streams) {
    const answer = new Promise<Buffer>((resolve) => stream.once('data', resolve));
    stream.write('x');
    if ((await answer).toString() === 'x') echoed++;
  }
  await Promise.all(
    streams.map(
      (stream) =>
        new Promise((resolve) => {
          stream.once('close', resolve);
          stream.resume().end();
        }),
    ),
  );
  return echoed;
}

async function listing(): Promise<() => Promise<number>> {
  const sftp = await openSftp(connection);
  return async () => {
    let entries = 0;
    for await (const { text } of sftp.readdir(job.path)) if (text?.startsWith('file-')) entries++;
    return entries;
  };
}

async function copying(): Promise<() => Promise<number>> {
  const sftp = await openSftp(connection);
  return async () => {
    const folder = mkdtempSync(join(job.path, '..', 'growth-'));
    try {
      const { files } = await get(sftp, job.path, join(folder, 'copy'), { recursive: true });
      return files;
    } finally {
      rmSync(folder, { recursive: true });
    }
  };
}
