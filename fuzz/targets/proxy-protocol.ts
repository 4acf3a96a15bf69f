/** Headers of the PROXY protocol, whole and in pieces. */
import { isIP } from 'node:net';
import { readProxyHeader } from '@nacre/ssh/server';
import type { FuzzTarget } from '../target.ts';

const second = Buffer.from('0d0a0d0a000d0a515549540a2111000cc0000207c6336401c3a60016', 'hex');

/** A header is the same from any piece that holds it, and no piece asks for more than it has. */
export const proxyHeader: FuzzTarget = {
  name: 'proxy-header',
  seeds: [
    Buffer.from('PROXY TCP4 192.0.2.7 198.51.100.1 50086 22\r\nSSH-2.0-x\r\n'),
    Buffer.from('PROXY TCP6 2001:db8::7 ::ffff:192.0.2.1 50086 22\r\n'),
    Buffer.from('PROXY UNKNOWN\r\n'),
    Buffer.concat([second, Buffer.from('SSH-2.0-x\r\n')]),
  ],
  run(input) {
    const whole = readProxyHeader(input);
    if (typeof whole === 'number') {
      if (whole <= input.length) throw new Error('waits for bytes that are there');
      return;
    }
    if (whole.length > input.length) throw new Error('longer than what came');
    const { ends } = whole;
    if (ends !== undefined && [ends.address, ends.localAddress].some((address) => isIP(address) === 0)) {
      throw new Error(`${ends.address} is no address`);
    }
    for (let have = 0; have < whole.length; have++) {
      const wanted = readProxyHeader(input.subarray(0, have));
      if (typeof wanted !== 'number' || wanted <= have || wanted > whole.length)
        throw new Error(`${have} bytes ask for more`);
    }
  },
};
