/** The other end of somebody's scp: `scp -t` receives and `scp -f` sends over standard input and output. */
import { runScpSink, runScpSource } from '@nacre/ssh/client';
import { toPathBytes } from '@nacre/ssh/sftp';
import type { ScpRequest } from './flags.ts';

export async function runRemoteEnd(request: ScpRequest): Promise<number> {
  const { role, operands, recursive, preserve, targetIsFolder } = request;
  const end = { input: process.stdin, output: process.stdout };
  const paths = operands.map(toPathBytes);
  if (role === 'source') return runScpSource(end, paths, { recursive, preserve });
  const [target] = paths;
  if (target === undefined || paths.length > 1) {
    process.stdout.write('\x01scp: ambiguous target\n');
    return 1;
  }
  return runScpSink(end, target, { recursive, preserve, targetIsFolder });
}
