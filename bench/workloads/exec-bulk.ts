/** Bulk data through `ssh host command`, both directions, a table a cipher. */
import { rmSync } from 'node:fs';
import { measureInTurns, type Table } from '../table.ts';
import { execCompetitors, execMeasures, makePayload, startExecPairs } from './_exec.ts';
import type { BenchSettings, Workload } from './types.ts';

export const execBulk: Workload = {
  name: 'exec-bulk',
  about:
    'One `ssh host command` a measurement, connection set-up included: get is `cat file` at the server, put is `wc -c` there. ' +
    'cpu is processor time per GiB of the client (c) and of the server with its children (s); others is the share of the ' +
    'machine that neither used.',
  run,
};

async function run(settings: BenchSettings): Promise<Table[]> {
  const payload = makePayload(settings.bulkBytes);
  const tables: Table[] = [];
  const running = await startExecPairs(settings);
  try {
    for (const cipher of settings.ciphers) {
      const title = `${cipher}, ${settings.bulkBytes / 2 ** 20} MiB, n = ${settings.repetitions}`;
      const competitors = execCompetitors(settings, running, cipher, payload);
      tables.push(await measureInTurns(title, execMeasures, competitors, settings.repetitions, settings.progress));
    }
  } finally {
    for (const { testServer } of running.values()) await testServer.stop();
    rmSync(payload.file);
  }
  return tables;
}
