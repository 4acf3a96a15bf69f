/** Lines of a file or of standard input, one after the other, with a bound on their length. */
import { createReadStream } from 'node:fs';
import { maxModuliLineBytes } from '@nacre/ssh/crypto';
import { Ending } from '../ending.ts';

/** @param path - undefined for standard input. */
export async function* readLines(path: string | undefined): AsyncIterable<string> {
  const stream = path === undefined ? process.stdin : createReadStream(path);
  let rest = '';
  let number = 0;
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    const parts = (rest + chunk.toString('latin1')).split('\n');
    rest = parts.pop() ?? '';
    for (const part of parts) {
      number++;
      yield part;
    }
    // A file without line breaks is no moduli file, and need not be read to its end to know it.
    if (rest.length > maxModuliLineBytes) throw new Ending(`${path ?? '(stdin)'}:${number + 1}: the line is too long`);
  }
  if (rest !== '') yield rest;
}
