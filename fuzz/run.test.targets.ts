/** Targets with the faults that the fuzzer is there to find. */
import { SshError } from '@nacre/ssh/errors';
import type { FuzzTarget } from './target.ts';

const seeds = [Buffer.from('\0\0\0\x04abcd\0\0\0\x02ef', 'latin1')];

export const targets: readonly FuzzTarget[] = [
  {
    name: 'sound',
    seeds,
    run(input) {
      if (input.length < 8) throw new SshError('short', { code: 'bad-message', stage: 'transport' });
    },
  },
  { name: 'reads-beyond', seeds, run: (input) => void input.readUInt32BE(8) },
  { name: 'trusts-length', seeds, run: (input) => void Buffer.alloc(input.length < 4 ? 0 : input.readUInt32BE(0)) },
  {
    name: 'hangs',
    seeds,
    run(input) {
      for (let at = 0; input.length > 4 && at < input.length; ) at += input.readUInt32BE(0);
    },
  },
  {
    name: 'rejects',
    seeds,
    run: async (input) => {
      await Promise.resolve();
      if (input[0] === 0xff) throw new TypeError('not an SshError');
    },
  },
];
