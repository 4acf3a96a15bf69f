/** Many small files by sftp, both directions. */
import { startFilePairs } from '../file-pairs.ts';
import { makeFiles } from '../file-payload.ts';
import { measureInTurns, type Table } from '../table.ts';
import { transfer, transferMeasures } from './_sftp.ts';
import type { BenchSettings, Workload } from './types.ts';

const fileCount = 2000;
const fileBytes = 4096;

export const sftpSmallFiles: Workload = {
  name: 'sftp-small-files',
  about:
    `${fileCount} files of ${fileBytes} bytes in one folder in memory (tmpfs), \`get -R\` and \`put -R\` of \`sftp -b\`, connection set-up included. ` +
    'cpu is processor time per 1,000 files of the client (c) and of the server with its children (s). ssh2 has no call for folders: ten files at a time.',
  run,
};

async function run(settings: BenchSettings): Promise<Table[]> {
  const payload = makeFiles(fileCount, fileBytes);
  const scale = { amount: fileCount, cpuAmount: fileCount / 1000 };
  const { competitors, stop } = await startFilePairs(settings, (pair) => transfer(pair, payload, scale));
  try {
    const title = `${fileCount} files, n = ${settings.repetitions}`;
    const measures = transferMeasures('files/s', 0, 's');
    return [await measureInTurns(title, measures, competitors, settings.repetitions, settings.progress)];
  } finally {
    await stop();
  }
}
