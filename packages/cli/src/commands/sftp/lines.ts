/** Where sftp's commands come from: a batch file, a pipe, or a person at a terminal. */
import { readFileSync } from 'node:fs';
import { isatty } from 'node:tty';
import { toText } from '@nacre/ssh/sftp';
import { FatalError } from '../ssh/end.ts';
import type { Lines } from './line-source.ts';
import type { Session } from './session.ts';
import { localReason } from './words.ts';

export interface OpenedLines {
  /** The first command, where it is at hand before there is a session. */
  readonly firstLine: string | undefined;
  startLines(session: Session): Promise<Lines>;
}

/** @param batchFile - of -b: `-` is stdin. @throws FatalError where it cannot be read. */
export function openLines(batchFile: string | undefined): OpenedLines {
  if (batchFile !== undefined && batchFile !== '-') {
    const batch = readBatch(batchFile);
    const lines = linesOf([batch]);
    return { firstLine: firstCommand(batch), startLines: async () => lines };
  }
  const startLines = async (session: Session) =>
    batchFile === undefined && isatty(0) ? (await import('./prompt.ts')).promptLines(session) : linesOf(process.stdin);
  return { firstLine: undefined, startLines };
}

/** Comments and empty lines are none. */
function firstCommand(batch: Buffer): string | undefined {
  return /^[ \t]*[^ \t\r\n#].*$/m.exec(toText(batch.subarray(0, maxLineBytes)))?.[0];
}

function readBatch(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    throw new FatalError(`${localReason(error)} (${path}).`);
  }
}

/** A line is what a person types; without any end it would fill the memory. */
const maxLineBytes = 64 * 1024;

function linesOf(chunks: Iterable<Buffer> | AsyncIterable<Buffer>): Lines {
  const lines = splitLines(chunks);
  return {
    areRepeated: true,
    next: async () => (await lines.next()).value ?? undefined,
    close: () => {},
  };
}

async function* splitLines(chunks: Iterable<Buffer> | AsyncIterable<Buffer>): AsyncGenerator<string, undefined> {
  let rest: Buffer = Buffer.alloc(0);
  for await (const chunk of chunks) {
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    for (let end = rest.indexOf(0x0a); end >= 0; end = rest.indexOf(0x0a)) {
      yield toText(rest.subarray(0, end));
      rest = rest.subarray(end + 1);
    }
    if (rest.length > maxLineBytes) throw new FatalError('a line of the commands is too long');
  }
  if (rest.length > 0) yield toText(rest);
  return undefined;
}
