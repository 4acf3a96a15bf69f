/** X11 forwarding: what a display may be called, what xauth says, and how a program on the server begins. */
import { parseDisplay, parseXauthList, SetupGate } from '@nacre/ssh/x11';
import type { FuzzTarget } from '../target.ts';

const protocol = 'MIT-MAGIC-COOKIE-1';
const fake = Buffer.alloc(16, 0xfa);
const real = Buffer.alloc(16, 0x4e);
const right = Buffer.from(`l\0\x0b\0\0\0\x12\0\x10\0\0\0${protocol}\0\0${fake.toString('latin1')}`, 'latin1');
const bigEndian = Buffer.from(`B\0\0\x0b\0\0\0\x12\0\x10\0\0${protocol}\0\0${fake.toString('latin1')}`, 'latin1');

/** The real cookie comes out for the fake one only, and the message is as long as it was. */
export const x11Setup: FuzzTarget = {
  name: 'x11-setup',
  seeds: [right, bigEndian, Buffer.concat([right, Buffer.from('requests')])],
  run(input) {
    const gate = new SetupGate(protocol, fake, real);
    const cut = (input[5] ?? 0) % (input.length + 1);
    const opened = gate.receive(input.subarray(0, cut)) ?? gate.receive(input.subarray(cut));
    if (opened === undefined) return;
    if (opened.message.length !== right.length) throw new Error('the message has another length');
    if (!opened.message.subarray(32).equals(real)) throw new Error('the cookie was not replaced');
    if (!input.subarray(32, 48).equals(fake)) throw new Error('another cookie was let in');
  },
};

/** Whatever is taken is harmless in front of xauth and of a server. */
export const x11Display: FuzzTarget = {
  name: 'x11-display',
  seeds: [
    ':0',
    'unix:0.1',
    'localhost:10.0',
    '/tmp/launch-1/org.xquartz:0',
    'host/unix:7  MIT-MAGIC-COOKIE-1  00112233445566778899aabbccddeeff\n',
  ].map((text) => Buffer.from(text)),
  run(input) {
    const text = input.toString('latin1');
    const cookie = parseXauthList(text);
    if (cookie && !/^[\x21-\x7e]+$/.test(cookie.protocol)) throw new Error('a method of strange characters');
    const { xauthName, screen } = parseDisplay(text);
    if (!/^[A-Za-z0-9:/._-]+$/.test(xauthName) || xauthName.startsWith('-')) throw new Error('a strange name');
    if (screen > 400) throw new Error('a strange screen');
  },
};
