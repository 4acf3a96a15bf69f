/** Bulk data through `ssh host command` over a path of 1 Gbit/s and 100 ms, beside what plain TCP gets out of it. */
import { chooseRows, pairs, ssh2Pairs } from '../pairs.ts';
import { measureInTurns, type Table } from '../table.ts';
import { execCompetitors, execMeasures, makeExecFiles, startExecPairs } from './_exec.ts';
import { pathTable } from './_path.ts';
import type { BenchSettings, Workload } from './types.ts';

/** Enough to see the rate, which setting the path up is no part of. */
const pathBytes = 500_000_000;
const cipher = 'aes128-gcm@openssh.com';

export const execLongPath: Workload = {
  name: 'exec-long-path',
  about:
    'As exec-bulk with aes128-gcm, over a relay of this repository that holds every byte back: 1 Gbit/s each way, 100 ms there and back ' +
    '(bench/delay-link.ts). The first table is what plain TCP gets out of it, without setting up a connection. ' +
    'cpu is of client (c) and server (s) without the relay, which others holds.',
  run,
};

async function run(settings: BenchSettings): Promise<Table[]> {
  const { repetitions, progress, bulkBytes } = settings;
  const path = await pathTable(settings, Math.min(bulkBytes, pathBytes));
  // OpenSSH and ssh2 take as long for what is compared as for what is measured: an eighth of it shows windows open and grow as well.
  const files = makeExecFiles(bulkBytes, Math.round(bulkBytes / 8));
  // No chance is seen in a row whose speed the windows set: OpenSSH takes equally long a second time.
  const all = [...pairs, ...ssh2Pairs].filter(({ name }) => !settings.isBrief || !name.endsWith('(again)'));
  const chosen = chooseRows(all, settings.rows);
  const running = await startExecPairs(chosen, { isLongPath: true });
  try {
    const title = `${bulkBytes / 2 ** 20} MiB, n = ${repetitions}`;
    const competitors = execCompetitors(chosen, running, cipher, files);
    return [path, await measureInTurns(title, execMeasures, competitors, repetitions, progress)];
  } finally {
    for (const { testServer } of running.values()) await testServer.stop();
    files.remove();
  }
}
