import assert from 'node:assert/strict';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { type TestContext, test } from 'node:test';
import { lookUpSshfp } from './look-up-sshfp.ts';
import { parseResolvConf, type ResolverSettings } from './resolv-conf.ts';

type Reply = (query: Buffer) => readonly Buffer[];

/** A name server on 127.0.0.1 that answers over UDP and TCP on one port as the test says; it counts what it was asked. */
async function fakeServer(t: TestContext, udp: Reply, tcp: Reply = () => []) {
  const asked = { udp: 0, tcp: 0, ports: new Set<number>(), ids: new Set<number>() };
  const socket = createSocket('udp4');
  socket.on('message', (query, from) => {
    asked.udp++;
    asked.ports.add(from.port);
    asked.ids.add(query.readUInt16BE(0));
    for (const reply of udp(query)) socket.send(reply, from.port, from.address);
  });
  const server = createServer((stream) => {
    stream.on('error', () => {});
    stream.once('data', (bytes) => {
      asked.tcp++;
      const replies = tcp(bytes.subarray(2));
      // In two pieces, the first of them within the length.
      for (const reply of replies) {
        const framed = Buffer.concat([Buffer.of(reply.length >> 8, reply.length & 255), reply]);
        stream.write(framed.subarray(0, 1));
        setTimeout(() => stream.write(framed.subarray(1)), 5);
      }
      if (replies.length === 0) stream.end();
    });
  });
  const port = await listenOnBoth(server, socket);
  t.after(() => {
    socket.close();
    server.close();
  });
  const settings: ResolverSettings = {
    servers: ['127.0.0.1'],
    timeoutMs: 150,
    attempts: 2,
    trustAd: true,
    useTcp: false,
  };
  return {
    asked,
    look: (change: Partial<ResolverSettings> = {}) =>
      lookUpSshfp('host.example.com', { resolver: { ...settings, ...change }, port }),
  };
}

/** One port for both: what is free for TCP may be taken for UDP, and then another one is tried. */
async function listenOnBoth(server: Server, socket: Socket): Promise<number> {
  for (let tries = 0; ; tries++) {
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    try {
      socket.bind(port, '127.0.0.1');
      await once(socket, 'listening');
      return port;
    } catch (error) {
      if (tries === 10) throw error;
      server.close();
      await once(server, 'close');
    }
  }
}

const flagsOf = { good: 0x8180, authentic: 0x81a0, cut: 0x8380, failed: 0x8182, missing: 0x8183 } as const;

function reply(query: Buffer, flags: number, recordCount = 1): Buffer {
  // The OPT record of the question is no part of this answer.
  const head = Buffer.from(query.subarray(0, query.length - 11));
  head.writeUInt16BE(flags, 2);
  head.writeUInt16BE(recordCount, 6);
  head.writeUInt16BE(0, 10);
  const record = Buffer.from(`c00c002c000100000e1000220402${'11'.repeat(32)}`, 'hex');
  return Buffer.concat([head, ...Array.from({ length: recordCount }, () => record)]);
}

test('records come, secure only by the word of a resolver that is trusted with it', async (t) => {
  const proved = await fakeServer(t, (query) => [reply(query, flagsOf.authentic)]);
  const found = await proved.look();
  assert.deepEqual([found.records.length, found.records[0]?.algorithm, found.secure], [1, 4, true]);
  assert.equal((await proved.look({ trustAd: false })).secure, false);
  const plain = await fakeServer(t, (query) => [reply(query, flagsOf.good)]);
  assert.equal((await plain.look()).secure, false);
});

test('number and port are new for each question', async (t) => {
  const { asked, look } = await fakeServer(t, (query) => [reply(query, flagsOf.good)]);
  for (let round = 0; round < 8; round++) await look();
  assert.ok(asked.ids.size > 4 && asked.ports.size > 4, `${asked.ids.size} numbers, ${asked.ports.size} ports`);
});

test('an answer that does not fit comes over TCP', async (t) => {
  const cut = (query: Buffer) => [reply(query, flagsOf.cut, 0)];
  const { asked, look } = await fakeServer(t, cut, (query) => [reply(query, flagsOf.authentic, 200)]);
  const { records, secure } = await look();
  assert.deepEqual([records.length, secure, asked.udp, asked.tcp], [200, true, 1, 1]);
  assert.equal((await look({ useTcp: true })).records.length, 200);
  assert.equal(asked.udp, 1);
  const never = await fakeServer(t, cut, cut);
  await assert.rejects(never.look(), { message: 'DNS lookup error: general failure' });
  const ends = await fakeServer(t, cut);
  await assert.rejects(ends.look(), { message: 'DNS lookup error: general failure' });
});

test('answers to other questions are passed over, and a flood of them ends the question', async (t) => {
  const forged = (query: Buffer) => {
    const other = reply(query, flagsOf.authentic, 3);
    other.writeUInt16BE((query.readUInt16BE(0) + 1) & 0xffff, 0);
    return other;
  };
  const one = await fakeServer(t, (query) => [forged(query), Buffer.of(1, 2, 3), reply(query, flagsOf.good)]);
  const found = await one.look();
  assert.deepEqual([found.records.length, found.secure], [1, false]);
  const flood = await fakeServer(t, (query) => Array.from({ length: 40 }, () => forged(query)));
  await assert.rejects(flood.look({ timeoutMs: 5000, attempts: 1 }), { message: 'DNS lookup error: general failure' });
});

test('no name, no records, failure, silence, broken answers: each is an error, and the next server is asked', async (t) => {
  for (const [flags, count, message] of [
    [flagsOf.missing, 0, 'name does not exist'],
    [flagsOf.authentic, 0, 'data does not exist'],
    [flagsOf.failed, 0, 'general failure'],
  ] as const) {
    const { asked, look } = await fakeServer(t, (query) => [reply(query, flags, count)]);
    await assert.rejects(look(), { code: 'dns-failed', stage: 'dns', message: `DNS lookup error: ${message}` });
    assert.equal(asked.udp, message === 'general failure' ? 2 : 1);
  }
  const silent = await fakeServer(t, () => []);
  await assert.rejects(silent.look(), { message: 'DNS lookup error: general failure' });
  const broken = await fakeServer(t, (query) => [reply(query, flagsOf.good).subarray(0, -4)]);
  await assert.rejects(broken.look(), { message: 'DNS lookup error: general failure' });
  let count = 0;
  const second = await fakeServer(t, (query) => [reply(query, ++count < 2 ? flagsOf.failed : flagsOf.authentic)]);
  assert.equal((await second.look({ servers: ['127.0.0.1', '127.0.0.1'], attempts: 1 })).secure, true);
});

test('what is no name of DNS is not asked, and an abort ends the question', async (t) => {
  const { asked } = await fakeServer(t, () => []);
  await assert.rejects(lookUpSshfp('a b'), { message: 'DNS lookup error: invalid parameter' });
  assert.equal(asked.udp, 0);
  const socket = createSocket('udp4');
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
  t.after(() => socket.close());
  const resolver = { servers: ['127.0.0.1'], timeoutMs: 10_000, attempts: 2, trustAd: false, useTcp: false };
  const controller = new AbortController();
  setTimeout(() => controller.abort(), 20);
  const looking = lookUpSshfp('host.example.com', { resolver, port: socket.address().port, signal: controller.signal });
  await assert.rejects(looking, { code: 'aborted' });
});

test('resolv.conf: servers, options and their limits', () => {
  const text =
    '# c\nnameserver 192.0.2.1\n\tnameserver  2001:db8::1\nnameserver nonsense\n;nameserver 192.0.2.9\nsearch a b\noptions timeout:99 attempts:3 trust-ad\n';
  assert.deepEqual(parseResolvConf(text), {
    servers: ['192.0.2.1', '2001:db8::1'],
    timeoutMs: 30_000,
    attempts: 3,
    trustAd: true,
    useTcp: false,
  });
  assert.deepEqual(parseResolvConf(''), {
    servers: ['127.0.0.1'],
    timeoutMs: 5000,
    attempts: 2,
    trustAd: false,
    useTcp: false,
  });
  const more = parseResolvConf('options attempts:1\n'.repeat(3), 'trust-ad use-vc attempts:0 timeout:x');
  assert.deepEqual([more.trustAd, more.useTcp, more.attempts, more.timeoutMs], [true, true, 1, 5000]);
  assert.equal(parseResolvConf('nameserver 192.0.2.1\n'.repeat(9)).servers.length, 3);
});
