/** Files by sftp over a path of 1 Gbit/s and 100 ms: one large one, and many small ones. */
import { startFilePairs } from '../file-pairs.ts';
import { makeFile, makeFiles, type Payload } from '../file-payload.ts';
import { type Measure, measureInTurns, type Table } from '../table.ts';
import { pathTable } from './_path.ts';
import { transfer, transferMeasures } from './_sftp.ts';
import type { BenchSettings, Workload } from './types.ts';

/** Who asks for one file after the other takes half a second for each. */
const fileCount = 100;
const fileBytes = 4096;
const pathBytes = 500_000_000;

export const sftpLongPath: Workload = {
  name: 'sftp-long-path',
  about:
    `As sftp-bulk, and ${fileCount} files of ${fileBytes} bytes, over a relay of this repository that holds every byte back: 1 Gbit/s each way, 100 ms there and back (bench/delay-link.ts). ` +
    'The first table is what plain TCP gets out of it, which is what the others can reach. cpu is of client (c) and server (s) without the relay, which others holds. ' +
    'ssh2 has a client for files, and no server of them.',
  run,
};

async function run(settings: BenchSettings): Promise<Table[]> {
  const path = await pathTable(settings, Math.min(settings.bulkBytes, pathBytes));
  const mib = settings.bulkBytes / 2 ** 20;
  const bulk = makeFile(settings.bulkBytes);
  const bulkTable = await table(
    settings,
    `${mib} MiB`,
    bulk,
    transferMeasures('MB/s', 1, 's/GiB'),
    bulk.bytes / 1e6,
    bulk.bytes / 2 ** 30,
  );
  if (settings.isBrief) return [path, bulkTable];
  const small = makeFiles(fileCount, fileBytes);
  return [
    path,
    bulkTable,
    await table(
      settings,
      `${fileCount} files of ${fileBytes} bytes`,
      small,
      transferMeasures('files/s', 0, 's'),
      fileCount,
      fileCount / 1000,
    ),
  ];
}

async function table(
  settings: BenchSettings,
  what: string,
  payload: Payload,
  measures: readonly Measure[],
  amount: number,
  cpuAmount: number,
): Promise<Table> {
  const sample = (pair: Parameters<typeof transfer>[0]) => transfer(pair, payload, { amount, cpuAmount });
  const { competitors, stop } = await startFilePairs(settings, sample, { isLongPath: true });
  try {
    const title = `${what}, n = ${settings.repetitions}`;
    return await measureInTurns(title, measures, competitors, settings.repetitions, settings.progress);
  } finally {
    await stop();
  }
}
