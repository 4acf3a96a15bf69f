import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { SshError } from '../../errors.ts';
import { SetupGate } from './setup-gate.ts';

const protocol = 'MIT-MAGIC-COOKIE-1';
const fake = Buffer.alloc(16, 0xfa);
const real = Buffer.alloc(16, 0x4e);

/** The first message of an X11 client. */
function setup(order: 'B' | 'l', name: string, cookie: Buffer): Buffer {
  const head = Buffer.alloc(12);
  head.write(order, 0, 'latin1');
  const put = (value: number, at: number) =>
    order === 'B' ? head.writeUInt16BE(value, at) : head.writeUInt16LE(value, at);
  put(11, 2);
  put(name.length, 6);
  put(cookie.length, 8);
  const pad = (length: number) => Buffer.alloc((4 - (length % 4)) % 4);
  return Buffer.concat([head, Buffer.from(name, 'latin1'), pad(name.length), cookie, pad(cookie.length)]);
}

const isError = (code: string) => (error: unknown) => error instanceof SshError && error.code === code;

test('the real cookie takes the place of the fake one, in both byte orders, however the bytes come', () => {
  for (const order of ['B', 'l'] as const) {
    const bytes = Buffer.concat([setup(order, protocol, fake), Buffer.from('requests')]);
    for (const size of [1, 5, 12, 13, 48, bytes.length]) {
      const gate = new SetupGate(protocol, fake, real);
      let opened: ReturnType<SetupGate['receive']>;
      let at = 0;
      while (opened === undefined) {
        opened = gate.receive(bytes.subarray(at, at + size));
        at += size;
      }
      assert.deepEqual(opened.message, setup(order, protocol, real));
      assert.deepEqual(Buffer.concat([opened.rest, bytes.subarray(at)]).toString(), 'requests');
    }
  }
  assert.ok(fake.every((byte) => byte === 0xfa));
});

test('another cookie, method or length is refused as soon as it shows', () => {
  for (const [bytes, code] of [
    [setup('l', protocol, Buffer.alloc(16, 1)), 'permission-denied'],
    [setup('B', protocol, real), 'permission-denied'],
    [setup('l', 'XDM-AUTHORIZATION1', fake), 'permission-denied'],
    [setup('l', '', Buffer.alloc(0)), 'permission-denied'],
    [setup('B', protocol, Buffer.alloc(65_535)).subarray(0, 12), 'permission-denied'],
    [Buffer.from('GET / HTTP/1.1\r\n'), 'protocol-error'],
  ] as const) {
    assert.throws(() => new SetupGate(protocol, fake, real).receive(bytes), isError(code));
  }
});

test('property: any bytes are waited for, refused or opened, and only the right cookie opens', () => {
  const right = setup('l', protocol, fake);
  fc.assert(
    fc.property(fc.nat({ max: right.length - 1 }), fc.integer({ min: 1, max: 255 }), fc.nat(), (at, flip, cut) => {
      const bytes = Buffer.from(right);
      bytes[at] = (bytes[at] as number) ^ flip;
      const gate = new SetupGate(protocol, fake, real);
      // The version and what fills up are the X server's to judge.
      const isFree = (at > 0 && at < 6) || (at > 9 && at < 12) || (at > 29 && at < 32);
      const middle = cut % bytes.length;
      const run = () => gate.receive(bytes.subarray(0, middle)) ?? gate.receive(bytes.subarray(middle));
      if (isFree) assert.ok(run());
      else assert.throws(run, SshError);
    }),
  );
});
