/** Whom to scan: operands, and lines of files, `addresses names`, ranges expanded one address at a time. */
import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { SshError } from '@nacre/ssh/errors';
import { parseAddressRange, type ScanTarget } from '@nacre/ssh/scan';
import { describeSystemError, Ending } from '../ssh-keygen/ending.ts';

/** A server, and the names for it in the output. */
export interface KeyscanTarget extends ScanTarget {
  readonly names: readonly string[];
}

export interface HostSource {
  readonly files: readonly string[];
  readonly operands: readonly string[];
  readonly port: number;
  /** Tells of lines that name no hosts. */
  readonly complain: (text: string) => void;
  readonly log: (text: string) => void;
}

/** The hosts of the files, then the operands. A file is read as the scan goes on. */
export async function* readTargets(source: HostSource): AsyncGenerator<KeyscanTarget, void, undefined> {
  for (const file of source.files) {
    for await (const line of linesOf(file)) {
      const text = line.replace(/#.*$/s, '').replace(/[ \t]+$/, '');
      if (text !== '') yield* targetsOf(text, source);
    }
  }
  for (const operand of source.operands) yield* targetsOf(operand, source);
}

/** One host, or the addresses of a range, all at once or as they are asked for. */
function* targetsOf(text: string, source: HostSource): Generator<KeyscanTarget, void, undefined> {
  const { port, complain, log } = source;
  let range: Iterable<string> | undefined;
  try {
    range = parseAddressRange(text);
  } catch (error) {
    if (!(error instanceof SshError)) throw error;
    complain(`${error.message} (${error.remedy})`);
    return;
  }
  if (range === undefined) {
    const [, hosts, rest] = /^[ \t\n]*([^ \t\n]+)[ \t\n]?(.*)$/s.exec(text) ?? [];
    if (hosts === undefined) return;
    yield { hosts: splitNames(hosts), names: splitNames(rest === undefined || rest === '' ? hosts : rest), port };
    return;
  }
  log(`CIDR range ${text}`);
  for (const address of range) {
    log(`CIDR expand: address ${address}`);
    yield { hosts: [address], names: [address], port };
  }
}

function splitNames(list: string): string[] {
  return list.split(',');
}

async function* linesOf(file: string): AsyncGenerator<string, void, undefined> {
  const stream = file === '-' ? process.stdin : createReadStream(file);
  const failure = new Promise<never>((_, reject) => stream.once('error', reject));
  // Awaited below; it must not count as unheard before.
  failure.catch(() => {});
  const lines = createInterface({ input: stream, crlfDelay: Number.POSITIVE_INFINITY });
  const iterator = lines[Symbol.asyncIterator]();
  try {
    for (;;) {
      const next = await Promise.race([iterator.next(), failure]);
      if (next.done === true) return;
      yield next.value;
    }
  } catch (error) {
    const name = file === '-' ? '<stdin>' : file;
    throw new Ending(`ssh-keyscan: ${name}: ${describeSystemError(error)}`);
  } finally {
    lines.close();
  }
}
