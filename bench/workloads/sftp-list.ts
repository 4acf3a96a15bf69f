/** A long listing of a large folder by sftp. */
import { measure } from '../command.ts';
import { type RunningFilePair, startFilePairs } from '../file-pairs.ts';
import { makeFiles } from '../file-payload.ts';
import { type Measure, measureInTurns, type Sample, type Table } from '../table.ts';
import type { BenchSettings, Workload } from './types.ts';

const entryCount = 10_000;

export const sftpList: Workload = {
  name: 'sftp-list',
  about:
    `\`ls -l\` of a folder of ${entryCount} files by \`sftp -b\`, connection set-up included; the lines are counted. cpu is processor time of the ` +
    'client (c) and of the server with its children (s).',
  run,
};

const measures: readonly Measure[] = [
  { key: 'wall', title: 'ms', digits: 0, ratio: true },
  { key: 'client', title: 'cpu c ms', digits: 0 },
  { key: 'server', title: 'cpu s ms', digits: 0 },
  { key: 'others', title: 'others', digits: 2 },
];

async function run(settings: BenchSettings): Promise<Table[]> {
  const { path } = makeFiles(entryCount, 0);
  const { competitors, stop } = await startFilePairs(settings, (pair) => sample(pair, path));
  try {
    const title = `${entryCount} entries, n = ${settings.repetitions}`;
    return [await measureInTurns(title, measures, competitors, settings.repetitions, settings.progress)];
  } finally {
    await stop();
  }
}

async function sample(pair: RunningFilePair, path: string): Promise<Sample> {
  const result = await measure(pair.argv({ kind: 'list', path }), { server: pair.testServer });
  const listed = new Set(result.output.split('\n').flatMap((line) => /file-\d+$/.exec(line.trim()) ?? []));
  if (listed.size !== entryCount) throw new Error(`${pair.name}: ${listed.size} of ${entryCount} entries were listed`);
  const [client, server] = [result.clientCpu * 1000, result.serverCpu * 1000];
  return { wall: result.seconds * 1000, client, server, others: result.others };
}
