import assert from 'node:assert/strict';
import { test } from 'node:test';
import { maxNameListBytes, maxNameListEntries } from '../limits.ts';
import { WireWriter } from '../wire/index.ts';
import {
  debug,
  disconnect,
  extInfo,
  kexDhGexGroup,
  kexDhGexInit,
  kexDhGexReply,
  kexDhGexRequest,
  kexEcdhInit,
  kexEcdhReply,
  kexInit,
  ping,
  pong,
  serviceAccept,
  serviceRequest,
  transportMessages,
  unimplemented,
} from './messages.ts';
import type { Phase, Role } from './phase.ts';
import { RawPeer, settle } from './raw-peer.test.ts';

/** Lengths that programs get wrong. */
const cruelLengths = [0, 1, 2 ** 31, 2 ** 32 - 1];

const oneExtension = new WireWriter().string('server-sig-algs').string('ssh-ed25519').finish();

/** One well-formed message, and where the transport reads it. */
interface Sample {
  name: string;
  payload: Buffer;
  tested: Role;
  phase: Phase;
  /** Where a length field stands in the payload. */
  lengthsAt: number[];
  /** A count of bytes that a payload may be cut to and still be whole, for optional fields. */
  wholeAt?: number[];
}

const samples: Sample[] = [
  {
    name: 'DISCONNECT',
    payload: disconnect.encode({ reason: 11, description: Buffer.from('bye'), language: Buffer.from('en') }),
    tested: 'server',
    phase: 'connection',
    lengthsAt: [5, 12],
    wholeAt: [12],
  },
  {
    name: 'UNIMPLEMENTED',
    payload: unimplemented.encode({ sequence: 7 }),
    tested: 'client',
    phase: 'connection',
    lengthsAt: [],
  },
  {
    name: 'DEBUG',
    payload: debug.encode({ alwaysDisplay: true, text: Buffer.from('hello'), language: Buffer.from('en') }),
    tested: 'client',
    phase: 'auth',
    lengthsAt: [2, 11],
    wholeAt: [11],
  },
  {
    name: 'SERVICE_REQUEST',
    payload: serviceRequest.encode({ service: 'ssh-userauth' }),
    tested: 'server',
    phase: 'service',
    lengthsAt: [1],
  },
  {
    name: 'SERVICE_ACCEPT',
    payload: serviceAccept.encode({ service: 'ssh-userauth' }),
    tested: 'client',
    phase: 'service',
    lengthsAt: [1],
  },
  {
    name: 'EXT_INFO',
    payload: extInfo.encode({ count: 1, extensions: oneExtension }),
    tested: 'client',
    phase: 'service',
    lengthsAt: [1, 5, 24],
  },
  {
    name: 'PING',
    payload: ping.encode({ data: Buffer.from('data') }),
    tested: 'server',
    phase: 'connection',
    lengthsAt: [1],
  },
  {
    name: 'PONG',
    payload: pong.encode({ data: Buffer.from('data') }),
    tested: 'server',
    phase: 'connection',
    lengthsAt: [1],
  },
  {
    name: 'NEWKEYS',
    payload: Buffer.from([21]),
    tested: 'server',
    phase: 'first-kex',
    lengthsAt: [],
  },
  {
    name: 'KEX_ECDH_INIT',
    payload: kexEcdhInit.encode({ value: Buffer.alloc(32, 9) }),
    tested: 'server',
    phase: 'first-kex',
    lengthsAt: [1],
  },
  {
    name: 'KEX_ECDH_REPLY',
    payload: kexEcdhReply.encode({
      hostKey: Buffer.from('key'),
      value: Buffer.alloc(32, 9),
      signature: Buffer.from('signature'),
    }),
    tested: 'client',
    phase: 'first-kex',
    lengthsAt: [1, 8, 44],
  },
];

for (const { name, payload, tested, phase, wholeAt = [], lengthsAt } of samples) {
  test(`${name} cut at every byte, and with bytes behind it`, async () => {
    for (let length = 1; length < payload.length; length++) {
      if (!wholeAt.includes(length)) await refuses(payload.subarray(0, length), tested, phase, `cut to ${length}`);
    }
    for (const extra of [[0], [0, 0, 0, 0], [0, 0, 0, 1, 65]]) {
      await refuses(Buffer.concat([payload, Buffer.from(extra)]), tested, phase, `with ${extra.length} bytes more`);
    }
  });

  if (lengthsAt.length > 0) {
    test(`${name} with lengths of 0, 1, 2^31 and 2^32-1 in every length field`, async () => {
      for (const at of lengthsAt) {
        for (const length of cruelLengths) {
          if (payload.readUInt32BE(at) === length) continue;
          const changed = Buffer.from(payload);
          changed.writeUInt32BE(length, at);
          await refuses(changed, tested, phase, `length ${length} at ${at}`);
        }
      }
    });
  }
}

test('every declared message: cut at every byte and lengthened it is refused by its decoder', () => {
  const whole = new Map<string, Buffer>([
    ['DISCONNECT', samples[0]?.payload ?? Buffer.alloc(0)],
    ['DEBUG', debug.encode({ alwaysDisplay: true, text: Buffer.from('a'), language: Buffer.from('b') })],
    ['KEXINIT', sampleKexInit()],
    ['KEX_DH_GEX_REQUEST', kexDhGexRequest.encode({ min: 2048, preferred: 3072, max: 8192 })],
    ['KEX_DH_GEX_GROUP', kexDhGexGroup.encode({ p: Buffer.from([5]), g: Buffer.from([2]) })],
    ['KEX_DH_GEX_INIT', kexDhGexInit.encode({ e: Buffer.from([5]) })],
    [
      'KEX_DH_GEX_REPLY',
      kexDhGexReply.encode({ hostKey: Buffer.from([5]), f: Buffer.from([5]), signature: Buffer.from([6]) }),
    ],
    ...samples.slice(1).map(({ name, payload }) => [name, payload] as const),
    ['NEWCOMPRESS', Buffer.from([8])],
  ]);
  // IGNORE and the tail of EXT_INFO take anything: the first by its purpose, the second is parsed by decodeExtensions.
  const takesAnything = new Set(['IGNORE', 'EXT_INFO']);
  const optionalTail = new Set(['DISCONNECT', 'DEBUG']);
  for (const message of transportMessages) {
    if (takesAnything.has(message.name)) continue;
    const payload = whole.get(message.name);
    assert.ok(payload, message.name);
    message.decode(payload);
    let accepted = 0;
    for (let length = 0; length < payload.length; length++) {
      try {
        message.decode(payload.subarray(0, length));
        accepted++;
      } catch (error) {
        assert.equal((error as { code?: string }).code, 'bad-message');
      }
    }
    assert.equal(accepted, optionalTail.has(message.name) ? 1 : 0, message.name);
    assert.throws(() => message.decode(Buffer.concat([payload, Buffer.from([0])])), { code: 'bad-message' });
  }
});

const refusedInits: [string, (writer: { list: (names: string) => void }, index: number) => void][] = [
  ['a list that is too long', ({ list }) => list('a'.repeat(maxNameListBytes + 1))],
  ['too many names', ({ list }) => list(Array.from({ length: maxNameListEntries + 1 }, () => 'a').join(','))],
  ['an empty name at the front', ({ list }) => list(',curve25519-sha256')],
  ['an empty name at the end', ({ list }) => list('curve25519-sha256,')],
  ['an empty name in the middle', ({ list }) => list('curve25519-sha256,,x')],
  ['only a comma', ({ list }) => list(',')],
  ['a NUL', ({ list }) => list('curve25519-sha256\0')],
  ['a space', ({ list }) => list('curve25519 sha256')],
  ['bytes beyond ASCII', ({ list }) => list('curve25519-sha256,\u00e9')],
  ['a line feed', ({ list }) => list('curve25519-sha256\n')],
];

for (const [what, write] of refusedInits) {
  test(`KEXINIT with ${what} in any of its ten lists`, async () => {
    for (const tested of ['client', 'server'] as const) {
      for (let at = 0; at < 10; at++) {
        const raw = await (await RawPeer.create({ tested })).reach('first-kexinit');
        const lists = ['curve25519-sha256', 'ssh-ed25519', ...Array(2).fill('aes128-gcm@openssh.com')];
        lists.push('hmac-sha2-256', 'hmac-sha2-256', 'none', 'none', '', '');
        const writer = new WireWriter().uint8(20).fixed(Buffer.alloc(16));
        for (const [index, names] of lists.entries()) {
          if (index === at) write({ list: (text) => void writer.string(text) }, index);
          else writer.string(names);
        }
        raw.send(writer.boolean(false).uint32(0).finish());
        await assertRefused(raw, `list ${at} of a ${tested}`);
      }
    }
  });
}

test('KEXINIT with an empty list that is needed finds no common algorithm; with empty languages and MACs beside AEAD it is fine', async () => {
  const needed = [
    'kex',
    'hostKey',
    'cipherClientToServer',
    'cipherServerToClient',
    'compressionClientToServer',
    'compressionServerToClient',
  ] as const;
  for (const tested of ['client', 'server'] as const) {
    for (const list of needed) {
      const raw = await (await RawPeer.create({ tested })).reach('first-kexinit');
      raw.sendKexInit({ [list]: [] });
      const told = await raw.disconnect();
      assert.equal(raw.end.code, 'no-common-algorithm', list);
      assert.equal(told?.reason, 3, list);
    }
  }
  const raw = await RawPeer.create({ tested: 'server' });
  await raw.identify();
  raw.sendKexInit({ macClientToServer: [], macServerToClient: [] });
  await raw.readKexInit();
  await raw.agree();
  assert.deepEqual(raw.ends, []);
});

test('KEXINIT at the limits of its lists is taken', async () => {
  const raw = await RawPeer.create({ tested: 'server' });
  await raw.identify();
  raw.sendKexInit({
    kex: ['curve25519-sha256', ...Array.from({ length: maxNameListEntries - 1 }, (_, index) => `unknown-${index}`)],
    languageClientToServer: ['x'.repeat(maxNameListBytes)],
    languageServerToClient: ['x'.repeat(maxNameListBytes)],
  });
  await raw.readKexInit();
  await raw.agree();
  assert.deepEqual(raw.ends, []);
});

test('KEXINIT cut at every byte, lengthened, and with cruel lengths in each of its lists', async () => {
  const payload = sampleKexInit();
  for (const tested of ['client', 'server'] as const) {
    for (let length = 1; length < payload.length; length++) {
      await refuses(payload.subarray(0, length), tested, 'first-kexinit', `cut to ${length}`);
    }
    await refuses(Buffer.concat([payload, Buffer.from([0])]), tested, 'first-kexinit', 'one byte more');
    let at = 17;
    for (let list = 0; list < 10; list++) {
      for (const length of cruelLengths) {
        const changed = Buffer.from(payload);
        if (changed.readUInt32BE(at) === length) continue;
        changed.writeUInt32BE(length, at);
        await refuses(changed, tested, 'first-kexinit', `length ${length} of list ${list}`);
      }
      at += 4 + payload.readUInt32BE(at);
    }
  }
});

test('a service of another name, and names that are no names', async () => {
  for (const service of ['ssh-connection', 'ssh-userauth2', '', 'SSH-USERAUTH']) {
    const raw = await (await RawPeer.create({ tested: 'server' })).reach('service');
    raw.send(serviceRequest.encode({ service }));
    const told = await raw.disconnect();
    assert.equal(raw.end.code, 'protocol-error');
    assert.equal(told?.reason, 7, `"${service}"`);
    const client = await (await RawPeer.create({ tested: 'client' })).reach('service');
    client.send(serviceAccept.encode({ service }));
    assert.equal((await client.disconnect())?.reason, 2);
    assert.match(client.end.message, /asked for the service ssh-userauth/);
  }
  await refuses(serviceRequest.encode({ service: 'ssh userauth' }), 'server', 'service', 'a space in the name');
});

test('a second SERVICE_REQUEST before login is answered, one for ssh-connection ends it', async () => {
  const raw = await (await RawPeer.create({ tested: 'server' })).reach('auth');
  for (let count = 0; count < 3; count++) {
    raw.send(serviceRequest.encode({ service: 'ssh-userauth' }));
    assert.equal(serviceAccept.decode(await raw.next()).service, 'ssh-userauth');
  }
  assert.deepEqual(raw.authReceived, []);
  raw.send(serviceRequest.encode({ service: 'ssh-connection' }));
  assert.equal((await raw.disconnect())?.reason, 7);
});

test('IGNORE may hold anything, also nothing', async () => {
  const raw = await (await RawPeer.create({ tested: 'server' })).reach('connection');
  raw.send([2], [2, 0], [2, 255, 255, 255, 255], Buffer.concat([Buffer.from([2]), Buffer.alloc(35_000)]));
  assert.deepEqual(await raw.drain(), []);
  assert.deepEqual(raw.ends, []);
});

test('a DEBUG text reaches the log and the screen without control characters', async () => {
  const raw = await (await RawPeer.create({ tested: 'client' })).reach('auth');
  const text = Buffer.from('\u001b]0;owned\u0007\u202eevil');
  raw.send(debug.encode({ alwaysDisplay: true, text, language: Buffer.alloc(0) }));
  raw.send(debug.encode({ alwaysDisplay: false, text, language: Buffer.alloc(0) }));
  await settle(1);
  assert.equal(raw.notices.length, 1);
  assert.doesNotMatch([...raw.notices, ...raw.logs].join(''), /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202e]/);
});

function sampleKexInit(): Buffer {
  return kexInit.encode({
    cookie: Buffer.alloc(16, 1),
    kex: ['curve25519-sha256'],
    hostKey: ['ssh-ed25519'],
    cipherClientToServer: ['aes128-gcm@openssh.com'],
    cipherServerToClient: ['aes128-gcm@openssh.com'],
    macClientToServer: ['hmac-sha2-256'],
    macServerToClient: ['hmac-sha2-256'],
    compressionClientToServer: ['none'],
    compressionServerToClient: ['none'],
    languageClientToServer: ['en'],
    languageServerToClient: ['en'],
    firstKexPacketFollows: false,
    reserved: 0,
  });
}

async function refuses(payload: Uint8Array, tested: Role, phase: Phase, what: string): Promise<void> {
  const raw = await RawPeer.create({ tested });
  if (payload[0] === 21) {
    // NEWKEYS is looked at once the values are exchanged.
    await raw.identify();
    raw.sendKexInit();
    await raw.readKexInit();
    await raw.agree();
    raw.send(payload);
    await raw.readNewKeys();
  } else {
    await raw.reach(phase);
    raw.send(payload);
  }
  await assertRefused(raw, what);
}

async function assertRefused(raw: RawPeer, what: string): Promise<void> {
  const told = await raw.disconnect();
  assert.equal(raw.end.code, 'bad-message', `${what}: ${raw.end.message}`);
  assert.equal(raw.end.side, 'peer', what);
  assert.equal(told?.reason, 2, what);
}
