/** ssh-keyscan: gathers the host keys of servers, many at a time. */
import { scanHostKeys } from '@nacre/ssh/scan';
import { parseFlags } from '../../flags/flags.ts';
import { usageError } from '../../flags/usage.ts';
import { print } from '../../terminal/print.ts';
import { sanitize } from '../../terminal/sanitize.ts';
import { Ending } from '../ssh-keygen/ending.ts';
import { table } from './flags.ts';
import { readTargets } from './hosts.ts';
import { formatFailure, formatResult } from './output.ts';
import { readSettings } from './settings.ts';

export async function run(args: readonly string[]): Promise<number> {
  try {
    return await scan(args);
  } catch (error) {
    if (!(error instanceof Ending)) throw error;
    process.stderr.write(`${error.message}\n`);
    return error.status;
  }
}

async function scan(args: readonly string[]): Promise<number> {
  if (args.length === 0) throw usageError(table);
  const { flags, ordered, operands } = parseFlags(table, args);
  const { port, timeoutMs, kinds, family, sshfpHashes } = readSettings(ordered);
  if (operands.length === 0 && flags.files.length === 0) throw usageError(table);
  // -t with nothing in it asks for nothing.
  if (kinds?.length === 0) return 1;

  const complain = (text: string) => void process.stderr.write(`${sanitize(Buffer.from(text))}\n`);
  const debug = (text: string) => flags.verbose > 0 && complain(`debug1: ${text}`);
  const log = flags.verbose > 0 ? (text: string) => complain(`debug1: ${text}`) : undefined;
  const targets = readTargets({ files: flags.files, operands, port, complain, log: (text) => log?.(text) });
  const hashHost = flags.hash ? (await import('@nacre/ssh/trust')).formatHashedHost : undefined;
  const output = { ...flags, sshfpHashes, hashHost };
  let hasKey = false;
  for await (const result of scanHostKeys(targets, {
    ...{ kinds, family, timeoutMs, log },
    certificates: flags.certificates,
  })) {
    hasKey ||= result.status === 'key';
    const text = formatResult(result, output);
    if (text !== '') print(text);
    const failure = formatFailure(result);
    if (failure !== undefined) (failure.isDebug ? debug : complain)(failure.text);
  }
  return hasKey ? 0 : 1;
}
