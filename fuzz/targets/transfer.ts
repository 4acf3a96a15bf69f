/** What transfers look at before they touch a disk: patterns, names and their text. */

import { SshError } from '@nacre/ssh/errors';
import { matchGlob, toPathBytes, toText } from '@nacre/ssh/sftp';
import { foldLocalName, requireLocalName } from '@nacre/ssh/transfer';
import type { FuzzTarget } from '../target.ts';

/** Byte 0: where the pattern ends and the name begins. A name that passes leads nowhere else; text leads back to its bytes. */
export const transferNames: FuzzTarget = {
  name: 'transfer-names',
  seeds: [
    Buffer.concat([Buffer.of(6), Buffer.from('*.[a-c]name.b')]),
    Buffer.concat([Buffer.of(5), Buffer.from('[!]]\\x..')]),
    Buffer.concat([Buffer.of(0), Buffer.from('aux.txt')]),
    Buffer.from([2, 0x2a, 0xff, 0x61, 0xff, 0xed, 0xa0, 0x80]),
  ],
  run(input) {
    const split = Math.min(input[0] ?? 0, input.length);
    const pattern = input.subarray(1, 1 + split);
    const name = input.subarray(1 + split).filter((byte) => byte !== 0) as Buffer;
    matchGlob(pattern, name);
    const escaped = Buffer.from([...name].flatMap((byte) => [0x5c, byte]));
    if (!matchGlob(escaped, name)) throw new Error('a name does not match itself');
    if (!toPathBytes(toText(name)).equals(name)) throw new Error('text does not lead back to the bytes');
    for (const platform of ['linux', 'win32'] as const) {
      foldLocalName(name, platform);
      try {
        requireLocalName(name, platform);
      } catch (error) {
        if (!(error instanceof SshError)) throw error;
        continue;
      }
      const text = name.toString('latin1');
      const separators = platform === 'win32' ? /[\\/:\0]/ : /[/\0]/;
      if (separators.test(text) || text === '' || text === '.' || text === '..') throw new Error(`${text} passed`);
    }
  },
};
