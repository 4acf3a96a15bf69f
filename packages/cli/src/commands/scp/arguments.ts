/** The command line as it was typed, bytes that are no UTF-8 included: paths are bytes. */
import { readFile } from 'node:fs/promises';

/** What Node puts in place of bytes that it cannot read. */
const replacement = '\ufffd';

/** Arguments in which such bytes stand as the library writes them in text; as they are where the system does not tell. */
export async function exactArguments(args: readonly string[]): Promise<readonly string[]> {
  if (!args.some((arg) => arg.includes(replacement))) return args;
  const line = await readFile('/proc/self/cmdline').catch(() => undefined);
  if (line === undefined) return args;
  return decodeArguments(line, args.length);
}

/** The last `count` of the words, each of which ends with a NUL. */
export async function decodeArguments(line: Buffer, count: number): Promise<readonly string[]> {
  const { toText } = await import('@nacre/ssh/sftp');
  const words: string[] = [];
  for (let at = 0; at < line.length; ) {
    const end = line.indexOf(0, at);
    const wordEnd = end < 0 ? line.length : end;
    words.push(toText(line.subarray(at, wordEnd)));
    at = wordEnd + 1;
  }
  return words.slice(words.length - count);
}
