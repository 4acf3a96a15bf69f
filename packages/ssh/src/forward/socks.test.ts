import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { SshError } from '../errors.ts';
import { formatSocksReply, SocksHandshake, type SocksRequest } from './socks.ts';

/** Feeds pieces; what was replied, asked and left over. */
function talk(...pieces: readonly Uint8Array[]): { replies: string; request: SocksRequest | undefined; rest: string } {
  const handshake = new SocksHandshake();
  const replies: Buffer[] = [];
  const rest: Uint8Array[] = [];
  let request: SocksRequest | undefined;
  for (const piece of pieces) {
    if (request !== undefined) {
      rest.push(piece);
      continue;
    }
    const step = handshake.receive(piece);
    if (step.reply !== undefined) replies.push(step.reply);
    request = step.request;
    rest.push(step.rest);
  }
  return { replies: Buffer.concat(replies).toString('hex'), request, rest: Buffer.concat(rest).toString() };
}

const version4 = Buffer.from([4, 1, 0, 80, 192, 0, 2, 7, 0x6d, 0x65, 0, 0x68, 0x69]);
const version4a = Buffer.concat([Buffer.from([4, 1, 0x1f, 0x90, 0, 0, 0, 1, 0]), Buffer.from('example.com\0hello')]);
const greeting = Buffer.from([5, 2, 0, 2]);
const byName = Buffer.concat([Buffer.from([5, 1, 0, 3, 11]), Buffer.from('example.com'), Buffer.from([1, 187])]);
const byIpv4 = Buffer.from([5, 1, 0, 1, 192, 0, 2, 7, 0, 22]);
const byIpv6 = Buffer.from([5, 1, 0, 4, 0x20, 1, 0x0d, 0xb8, ...new Array(11).fill(0), 1, 0, 22]);

test('SOCKS 4, 4a and 5 by name and by address', () => {
  assert.deepEqual(talk(version4), { replies: '', request: { version: 4, host: '192.0.2.7', port: 80 }, rest: 'hi' });
  assert.deepEqual(talk(version4a).request, { version: 4, host: 'example.com', port: 8080 });
  assert.equal(talk(version4a).rest, 'hello');
  assert.deepEqual(talk(greeting, byName), {
    replies: '0500',
    request: { version: 5, host: 'example.com', port: 443 },
    rest: '',
  });
  assert.deepEqual(talk(greeting, byIpv4).request, { version: 5, host: '192.0.2.7', port: 22 });
  assert.deepEqual(talk(greeting, byIpv6).request, { version: 5, host: '2001:db8:0:0:0:0:0:1', port: 22 });
});

test('the same, however it is cut', () => {
  for (const whole of [version4, version4a, Buffer.concat([greeting, byName, Buffer.from('more')])]) {
    const expected = talk(whole);
    fc.assert(
      fc.property(fc.array(fc.nat(whole.length), { maxLength: 6 }), (cuts) => {
        const at = [0, ...[...cuts].sort((a, b) => a - b), whole.length];
        const pieces = at.slice(1).map((end, i) => whole.subarray(at[i] as number, end));
        assert.deepEqual(talk(...pieces), expected);
      }),
    );
  }
});

test('replies', () => {
  const five: SocksRequest = { version: 5, host: 'h', port: 1 };
  assert.equal(formatSocksReply(five, 'granted').toString('hex'), '05000001000000000000');
  assert.equal(formatSocksReply(five, 'refused').toString('hex'), '05050001000000000000');
  assert.equal(formatSocksReply(five, 'not-allowed').toString('hex'), '05020001000000000000');
  assert.equal(formatSocksReply({ ...five, version: 4 }, 'granted').toString('hex'), '005a000000000000');
  assert.equal(formatSocksReply({ ...five, version: 4 }, 'unreachable').toString('hex'), '005b000000000000');
});

test('what is no SOCKS, asks for more than a connection, or never ends', () => {
  const bad: readonly Buffer[] = [
    Buffer.from('GET / HTTP/1.1\r\n'),
    Buffer.from([6]),
    Buffer.from([4, 2, 0, 80, 192, 0, 2, 7, 0]),
    Buffer.from([4, 1, 0, 0, 192, 0, 2, 7, 0]),
    Buffer.from([4, 1, 0, 80, 0, 0, 0, 1, 0, 0]),
    Buffer.concat([Buffer.from([4, 1, 0, 80, 0, 0, 0, 1, 0]), Buffer.from('a b\0')]),
    Buffer.from([5, 1, 2]),
    Buffer.concat([greeting, Buffer.from([5, 2, 0, 1, 192])]),
    Buffer.concat([greeting, Buffer.from([5, 1, 0, 9, 192])]),
    Buffer.concat([greeting, Buffer.from([5, 1, 0, 3, 0, 0, 1])]),
    Buffer.concat([Buffer.from([4, 1, 0, 80, 192, 0, 2, 7]), Buffer.alloc(2000, 0x61)]),
  ];
  for (const bytes of bad) {
    assert.throws(
      () => new SocksHandshake().receive(bytes),
      (error: unknown) => error instanceof SshError && error.code === 'bad-message',
      bytes.toString('hex').slice(0, 60),
    );
  }
});
