/** `scp`: files between this machine and others, and between others, with OpenSSH's flags and words. */
import { SshError } from '@nacre/ssh/errors';
import { FatalError, failureStatus } from '../ssh/end.ts';
import { readCommandLine, type ScpRequest } from './flags.ts';
import { ScpEnd, Words } from './words.ts';

/** OpenSSH's scp ends so whatever went wrong with a file, and where a signal ends it. */
const failedStatus = 1;

export async function run(args: readonly string[]): Promise<number> {
  const words = new Words();
  try {
    const request = readCommandLine(await (await import('./arguments.ts')).exactArguments(args));
    return await runRequest(request, words);
  } catch (error) {
    return endWith(error, words);
  }
}

async function runRequest(request: ScpRequest, words: Words): Promise<number> {
  if (request.role !== 'client') return (await import('./remote-end.ts')).runRemoteEnd(request);
  const { Hosts, connectionClosed, isLoss } = await import('./hosts.ts');
  const hosts = new Hosts(request, words);
  const meter = await makeMeter(request);
  if (meter !== undefined) words.makeRoom = () => meter.makeRoom();
  const stop = () => {
    meter?.makeRoom();
    process.exit(failedStatus);
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, stop);
  try {
    const { copyAll } = await import('./copy-all.ts');
    await copyAll({ request, words, hosts, meter });
    meter?.end();
    const endedWell = await hosts.close();
    return words.hasFailed || !endedWell ? failedStatus : 0;
  } catch (error) {
    meter?.end();
    if (error instanceof SshError && isLoss(error)) throw connectionClosed();
    throw error;
  } finally {
    await hosts.close();
  }
}

/** Only on a terminal, and without -q. */
async function makeMeter({ quiet, recursive }: ScpRequest) {
  if (quiet || process.stdout.isTTY !== true) return undefined;
  const { TransferMeter } = await import('../files/transfer-meter.ts');
  const { standardOutputScreen } = await import('../../terminal/progress.ts');
  return new TransferMeter({ screen: standardOutputScreen(), total: recursive });
}

function endWith(error: unknown, words: Words): number {
  if (error instanceof ScpEnd) return error.status;
  if (error instanceof FatalError) {
    words.info(error.message);
    return failureStatus;
  }
  if (!(error instanceof SshError)) throw error;
  if (error.stage !== 'usage') {
    words.info(error.remedy === undefined ? error.message : `${error.message} (${error.remedy})`);
    return failureStatus;
  }
  // OpenSSH's line ends where it speaks of the mistake are CR LF; those of the usage are not.
  const mistake = error.message.startsWith('usage:') ? '' : 'scp: ';
  process.stderr.write(`${mistake}${mistake === '' ? error.message : error.message.replace('\n', '\r\n')}\n`);
  return failedStatus;
}
