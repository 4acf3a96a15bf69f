/** The transport, fed by a peer that says anything: before the keys, under known keys, and in a login of its own. */
import { ciphers } from '@nacre/ssh/crypto';
import { WireWriter } from '@nacre/ssh/wire';
import type { FuzzTarget } from '../target.ts';
import {
  createSealer,
  frame,
  kexInit,
  listed,
  nextTurn,
  type Payload,
  payloadsOf,
  plainSealer,
  Subject,
} from '../transport-subject.ts';

const serviceRequest = new WireWriter().uint8(5).string('ssh-userauth').finish();
const extInfo = new WireWriter().uint8(7).uint32(1).string('server-sig-algs').string('ssh-ed25519').finish();
const ecdhInit = new WireWriter().uint8(30).string(Buffer.alloc(32, 9)).finish();
const ecdhReply = new WireWriter()
  .uint8(31)
  .string(new WireWriter().string('ssh-ed25519').string(Buffer.alloc(32, 6)).finish())
  .string(Buffer.alloc(32, 9))
  .string(new WireWriter().string('ssh-ed25519').string(Buffer.alloc(64, 8)).finish())
  .finish();
/** One of each that may come after login, none of which ends the connection. */
const samplePayloads: readonly Payload[] = [
  [2, 0, 0, 0, 0],
  [3, 0, 0, 0, 1],
  new WireWriter().uint8(4).boolean(true).string('text').string('en').finish(),
  new WireWriter().uint8(192).string('ping').finish(),
  [199, 1, 2, 3],
  [94, 0, 0, 0, 0],
];

/** A stream before the keys, as it stands on the wire. Byte 0: role and size of the reads. Seeds in files: recorded handshakes. */
export const transportPlain: FuzzTarget = {
  name: 'transport-plain',
  seeds: [
    Buffer.from('\x00SSH-2.0-x\r\n', 'latin1'),
    Buffer.from('\x01SSH-2.0-x\r\n', 'latin1'),
    Buffer.from('\x01Welcome\r\n\r\nSSH-1.99-x\n', 'latin1'),
    Buffer.from('\x00GET / HTTP/1.1\r\n\r\n', 'latin1'),
  ],
  async run(input) {
    const mode = input[0] ?? 0;
    const subject = new Subject((mode & 1) === 0 ? 'server' : 'client');
    await subject.feed(input.subarray(1), mode >> 1);
    await subject.finish();
  },
};

/** A stream under keys that both sides know. Byte 0: the cipher and MAC; byte 1: role and size of the reads. */
export const transportSealed: FuzzTarget = {
  name: 'transport-sealed',
  seeds: ciphers.flatMap((cipher, index) =>
    (cipher.aead ? [0] : [0, 1]).map((mac) => {
      const sealer = createSealer(index, mac);
      const out: Buffer[] = [Buffer.from([index * 2 + mac, mac])];
      for (const [sequence, payload] of samplePayloads.entries()) sealer.seal(sequence, frame(payload, sealer), out);
      return Buffer.concat(out);
    }),
  ),
  async run(input) {
    const choice = (input[0] ?? 0) % (2 * ciphers.length);
    const mode = input[1] ?? 0;
    const subject = new Subject((mode & 1) === 0 ? 'server' : 'client', choice);
    await subject.feed(input.subarray(2), mode >> 1);
    await subject.finish();
  },
};

/** Payloads, each with two bytes of length in front. Byte 0: role; before the keys, or after login with known keys. */
export const transportMessages: FuzzTarget = {
  name: 'transport-messages',
  seeds: [
    listed([0], [kexInit('client'), ecdhInit, [21]]),
    listed([1], [kexInit('server'), ecdhReply, [21]]),
    listed([2], samplePayloads),
    listed([3], samplePayloads),
    listed([2], [[94, 0, 0, 0, 0], kexInit('client'), ecdhInit, [21]]),
    listed([3], [kexInit('server'), [2], ecdhReply, [21]]),
  ],
  async run(input) {
    const mode = input[0] ?? 0;
    const isLoggedIn = (mode & 2) !== 0;
    // AES-128-GCM is row 1.
    const subject = new Subject((mode & 1) === 0 ? 'server' : 'client', isLoggedIn ? 2 : undefined);
    const sealer = isLoggedIn ? createSealer(1, 0) : plainSealer;
    if (!isLoggedIn) await subject.feed(Buffer.from('SSH-2.0-fuzz\r\n'), 0);
    for (const [sequence, payload] of payloadsOf(input.subarray(1)).entries()) {
      const out: Buffer[] = [];
      sealer.seal(sequence, frame(payload, sealer), out);
      await subject.feed(Buffer.concat(out), 0);
    }
    await subject.finish();
  },
};

/** Payloads that one end of a real connection sends the other behind the key exchange, before login. Byte 0: which end. */
export const transportLogin: FuzzTarget = {
  name: 'transport-login',
  seeds: [
    listed([0], [serviceRequest, [2], ...samplePayloads]),
    listed([0], [[50, 1, 2, 3], serviceRequest]),
    listed([1], [extInfo, [53, 0, 0, 0, 1, 104, 0, 0, 0, 0], [51, 0, 0, 0, 0, 0], [52], [94, 0, 0, 0, 0]]),
    listed([1], [[60, 0, 0, 0, 0], extInfo, [199]]),
  ],
  async run(input) {
    const client = new Subject('client');
    const server = new Subject('server');
    client.peer = server;
    server.peer = client;
    for (let turn = 0; turn < 50 && client.transport.phase !== 'auth'; turn++) await nextTurn();
    const [sender, receiver] = ((input[0] ?? 0) & 1) === 0 ? [client, server] : [server, client];
    if (sender.transport.phase !== 'auth' || receiver.transport.phase !== 'auth') throw new Error('no handshake');
    receiver.pullLogin();
    for (const payload of payloadsOf(input.subarray(1))) {
      sender.transport.send(payload);
      await nextTurn();
    }
    receiver.peer = undefined;
    sender.peer = undefined;
    await sender.finish().catch(() => {});
    await receiver.finish();
  },
};
