/** Bulk data through `ssh host command`, both directions, a table a cipher. */
import { chooseRows, type Pair, pairs, ssh2Pairs } from '../pairs.ts';
import { isSsh2 } from '../ssh2-peer.ts';
import { measureInTurns, type Table } from '../table.ts';
import { execCompetitors, execMeasures, makeExecFiles, startExecPairs } from './_exec.ts';
import type { BenchSettings, Workload } from './types.ts';

export const execBulk: Workload = {
  name: 'exec-bulk',
  about:
    'One `ssh host command` a measurement, connection set-up included: get is `cat file` at the server, put is `wc -c` there. ' +
    'cpu is processor time per GiB of the client (c) and of the server with its children (s); others is the share of the ' +
    'machine that neither used. What arrives is counted every time, and before the first time compared as well (128 MiB). ' +
    'The sockets of ssh2 are told not to wait (setNoDelay), here and elsewhere: it leaves that to its users, and is several times slower without.',
  run,
};

async function run(settings: BenchSettings): Promise<Table[]> {
  const files = makeExecFiles(settings.bulkBytes);
  const tables: Table[] = [];
  const chosen = chooseRows([...pairs, ...ssh2Pairs], settings.rows);
  const running = await startExecPairs(chosen);
  try {
    for (const cipher of settings.ciphers) {
      const title = `${cipher}, ${settings.bulkBytes / 2 ** 20} MiB, n = ${settings.repetitions}`;
      const competitors = execCompetitors(
        chosen.map((pair) => ({ ...pair, ...limitOf(pair, cipher, settings) })),
        running,
        cipher,
        files,
      );
      tables.push(await measureInTurns(title, execMeasures, competitors, settings.repetitions, settings.progress));
    }
  } finally {
    for (const { testServer } of running.values()) await testServer.stop();
    files.remove();
  }
  return tables;
}

/** Rows that no target asks for are there to compare with: where time is short, a few times have to do. */
function limitOf(pair: Pair, cipher: string, { isBrief }: BenchSettings): { most?: number } {
  if (!isBrief) return {};
  if (isSsh2(pair)) return { most: cipher.startsWith('aes128-gcm') ? 2 : cipher.startsWith('chacha20') ? 1 : 0 };
  return pair.name.endsWith('(again)') ? { most: 3 } : {};
}
