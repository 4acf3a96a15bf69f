/** One large file by sftp, both directions. */
import { rmSync } from 'node:fs';
import { startFilePairs } from '../file-pairs.ts';
import { makeFile } from '../file-payload.ts';
import { measureInTurns, type Table } from '../table.ts';
import { transfer, transferMeasures } from './_sftp.ts';
import type { BenchSettings, Workload } from './types.ts';

export const sftpBulk: Workload = {
  name: 'sftp-bulk',
  about:
    'One file in memory (tmpfs) by `sftp -b`, connection set-up included, aes128-gcm. What arrived is compared every time. cpu is processor time ' +
    'per GiB of the client (c) and of the server with its children (s). nacre (library) is `get` and `put` of @nacre/ssh/transfer in a program ' +
    'of its own, ssh2 its fastGet and fastPut; both leave before OpenSSH has counted its sftp-server, so cpu s lacks it in their rows.',
  defaultMib: 1024,
  run,
};

async function run(settings: BenchSettings): Promise<Table[]> {
  const payload = makeFile(settings.bulkBytes);
  const scale = { amount: payload.bytes / 1e6, cpuAmount: payload.bytes / 2 ** 30 };
  const { competitors, stop } = await startFilePairs(settings, (pair) => transfer(pair, payload, scale));
  try {
    const title = `${settings.bulkBytes / 2 ** 20} MiB, n = ${settings.repetitions}`;
    const measures = transferMeasures('MB/s', 0, 's/GiB');
    return [await measureInTurns(title, measures, competitors, settings.repetitions, settings.progress)];
  } finally {
    await stop();
    rmSync(payload.path);
  }
}
