/** Bulk data through `ssh host command` over a path of 1 Gbit/s and 100 ms, beside what plain TCP gets out of it. */
import { rmSync } from 'node:fs';
import { measureInTurns, type Table } from '../table.ts';
import { execCompetitors, execMeasures, makePayload, startExecPairs } from './_exec.ts';
import { pathTable } from './_path.ts';
import type { BenchSettings, Workload } from './types.ts';

const cipher = 'aes128-gcm@openssh.com';

export const execLongPath: Workload = {
  name: 'exec-long-path',
  about:
    'As exec-bulk with aes128-gcm, over a relay of this repository that holds every byte back: 1 Gbit/s each way, 100 ms there and back ' +
    '(bench/delay-link.ts). The first table is what plain TCP gets out of it with as many bytes, without setting up a connection. ' +
    'cpu is of client (c) and server (s) without the relay, which others holds.',
  run,
};

async function run(settings: BenchSettings): Promise<Table[]> {
  const { repetitions, progress, bulkBytes } = settings;
  const path = await pathTable(settings, bulkBytes);
  const payload = makePayload(bulkBytes);
  const running = await startExecPairs(settings, { isLongPath: true });
  try {
    const title = `${bulkBytes / 2 ** 20} MiB, n = ${repetitions}`;
    const competitors = execCompetitors(settings, running, cipher, payload);
    return [path, await measureInTurns(title, execMeasures, competitors, repetitions, progress)];
  } finally {
    for (const { testServer } of running.values()) await testServer.stop();
    rmSync(payload.file);
  }
}
