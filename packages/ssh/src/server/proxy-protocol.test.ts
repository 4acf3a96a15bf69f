/** Headers of the PROXY protocol: those of its document, hostile ones, and connections that begin with them. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect as connectSocket, createServer, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { connect } from '../client/connect.ts';
import { clientOptions, listening, until } from '../client/live.test.kit.ts';
import { SshError } from '../errors.ts';
import { maxAwaitedProxyHeaders } from '../limits.ts';
import type { Peer, ServerOptions } from './options.ts';
import { type ProxyHeader, readProxyHeader } from './proxy-protocol.ts';

const start = Buffer.from('0d0a0d0a000d0a515549540a', 'hex');
const second = (command: number, family: number, body: Buffer, length = body.length) =>
  Buffer.concat([start, Buffer.from([command, family, length >> 8, length & 0xff]), body]);
const hex = (text: string) => Buffer.from(text.replaceAll(' ', ''), 'hex');
const ipv4 = second(0x21, 0x11, hex('c0000207 c6336401 c3a6 0016'));
const first = (line: string) => Buffer.from(`${line}\r\n`, 'latin1');
const tcp4 = first('PROXY TCP4 192.0.2.7 198.51.100.1 50086 22');
const ends = { address: '192.0.2.7', port: 50_086, localAddress: '198.51.100.1', localPort: 22 };

const longest = Array(8).fill('ffff').join(':');

const good: readonly (readonly [name: string, header: Buffer, ends: ProxyHeader['ends']])[] = [
  ['TCP4', tcp4, ends],
  [
    'the longest TCP6',
    first(`PROXY TCP6 ${longest} ${longest} 65535 65535`),
    { address: longest, port: 65_535, localAddress: longest, localPort: 65_535 },
  ],
  [
    'TCP6',
    first('PROXY TCP6 2001:DB8:0::1 ::1 1 0'),
    { address: '2001:db8::1', port: 1, localAddress: '::1', localPort: 0 },
  ],
  ['an IPv4 address in IPv6', first('PROXY TCP6 ::ffff:c000:207 ::ffff:198.51.100.1 50086 22'), ends],
  ['UNKNOWN', first('PROXY UNKNOWN'), undefined],
  ['UNKNOWN with whatever', first(`PROXY UNKNOWN ${longest} ${longest} 65535 65535`), undefined],
  ['version 2, TCP over IPv4', ipv4, ends],
  [
    'version 2, TCP over IPv6',
    second(0x21, 0x21, hex(`20010db8${'00'.repeat(11)}07 ${'00'.repeat(15)}01 c3a6 0016`)),
    { address: '2001:db8::7', port: 50_086, localAddress: '::1', localPort: 22 },
  ],
  [
    'version 2 with further fields',
    second(0x21, 0x11, Buffer.concat([hex('c0000207 c6336401 c3a6 0016'), hex('04 0003 000000 03 0004 12345678')])),
    ends,
  ],
  ['version 2, LOCAL', second(0x20, 0, Buffer.alloc(0)), undefined],
  ['version 2, LOCAL with a family and a body', second(0x20, 0x11, Buffer.alloc(12, 9)), undefined],
  ['version 2, LOCAL with a family that there is not', second(0x20, 0x77, Buffer.alloc(3)), undefined],
  ['version 2, UNSPEC', second(0x21, 0, Buffer.alloc(7)), undefined],
  ['version 2, a Unix socket', second(0x21, 0x31, Buffer.alloc(216, 0x2f)), undefined],
  ['version 2, UDP', second(0x21, 0x12, Buffer.alloc(12, 9)), undefined],
];

test('headers are read as what they say, from whatever pieces, and never asked to hold more than they do', () => {
  for (const [name, header, wanted] of good) {
    assert.deepEqual(readProxyHeader(header), { length: header.length, ends: wanted }, name);
    const more = Buffer.concat([header, Buffer.from('SSH-2.0-x\r\n\r\n')]);
    assert.deepEqual(readProxyHeader(more), { length: header.length, ends: wanted }, name);
    for (let have = 0; have < header.length; have++) {
      const least = readProxyHeader(header.subarray(0, have));
      assert.ok(
        typeof least === 'number' && least > have && least <= header.length,
        `${name}: ${have} of ${header.length}`,
      );
    }
  }
});

const bad: readonly Buffer[] = [
  ...['SSH-2.0-OpenSSH_9.2', 'GET / HTTP/1.1', 'PROXY', 'PROXY ', 'PROXY TCP4', 'PROXY UNIX /x /y 1 2'].map(first),
  ...['PROXY TCP4 192.0.2.7 198.51.100.1 50086', 'PROXY TCP4 192.0.2.7 198.51.100.1 50086 22 3'].map(first),
  ...[
    'PROXY TCP4 2001:db8::1 ::1 1 2',
    'PROXY TCP6 192.0.2.7 192.0.2.1 1 2',
    'PROXY TCP4 192.0.2.07 192.0.2.1 1 2',
  ].map(first),
  ...[
    'PROXY TCP4 192.0.2.7 192.0.2.1 65536 2',
    'PROXY TCP4 192.0.2.7 192.0.2.1 01 2',
    'PROXY tcp4 192.0.2.7 192.0.2.1 1 2',
  ].map(first),
  ...['PROXY TCP4 192.0.2.7  192.0.2.1 1 2', 'PROXY TCP6 fe80::1%eth0 ::1 1 2', 'PROXY TCP4 host 192.0.2.1 1 2'].map(
    first,
  ),
  ...[
    'PROXY TCP4 192.0.2.7 192.0.2.1 -1 2',
    'PROXY TCP4 192.0.2.7 192.0.2.1 1e3 2',
    'proxy UNKNOWN',
    'PROXYUNKNOWN',
  ].map(first),
  Buffer.from('PROXY UNKNOWN\nSSH-2.0-x\r\n'),
  Buffer.from(`PROXY UNKNOWN ${'x'.repeat(93)}`),
  Buffer.from(`PROXY UNKNOWN ${'x'.repeat(92)}\r\n`),
  second(0x11, 0x11, Buffer.alloc(12)),
  second(0x22, 0x11, Buffer.alloc(12)),
  second(0x21, 0x13, Buffer.alloc(12)),
  second(0x21, 0x41, Buffer.alloc(12)),
  second(0x21, 0x11, Buffer.alloc(11)),
  second(0x21, 0x21, Buffer.alloc(35)),
  second(0x21, 0x11, Buffer.alloc(12), 65_535),
  Buffer.concat([start.subarray(0, 11), Buffer.from('x\x21\x11\0\x0c'), Buffer.alloc(12)]),
];

test('what is no header is refused, as soon as it can be seen', () => {
  for (const bytes of bad) {
    assert.throws(
      () => readProxyHeader(bytes),
      (error) => error instanceof SshError && error.code === 'protocol-error' && error.stage === 'identification',
      bytes.toString('latin1').slice(0, 60),
    );
  }
  assert.throws(() => readProxyHeader(Buffer.from('S')), SshError);
});

async function server(t: TestContext, options: Partial<ServerOptions> = {}) {
  const seen: Peer[] = [];
  const refused: string[] = [];
  const said: string[] = [];
  const live = await listening(t, {
    proxyProtocolFrom: (address) => address === '127.0.0.1',
    onConnection: (peer) => void seen.push({ ...peer }),
    onRefused: (_peer, { reason }) => void refused.push(reason ?? 'full'),
    log: (_level, text) => void said.push(text),
    ...options,
  });
  /** Writes pieces, each once the one before has gone out. */
  const raw = async (...pieces: Buffer[]) => {
    const socket = connectSocket({ port: live.port, host: '127.0.0.1', noDelay: true });
    t.after(() => socket.destroy());
    let text = '';
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1');
    });
    socket.on('error', () => {});
    const closed = new Promise((resolve) => socket.once('close', resolve));
    await once(socket, 'connect');
    for (const piece of pieces) {
      await new Promise((resolve) => socket.write(piece, resolve));
      if (pieces.length > 1) await new Promise((resolve) => setImmediate(resolve));
    }
    return { socket, closed, said: () => text };
  };
  return { ...live, seen, refused, said, raw };
}

/** Stands before the server and says a header for each that comes, in one piece with the client's first bytes. */
async function balancer(t: TestContext, port: number, header: Buffer): Promise<number> {
  const proxy = createServer((client: Socket) => {
    const onward = connectSocket({ port, host: '127.0.0.1' });
    for (const socket of [client, onward]) socket.on('error', () => {});
    client.once('data', (bytes) => {
      onward.write(Buffer.concat([header, bytes]));
      client.pipe(onward);
    });
    onward.pipe(client);
    t.after(() => onward.destroy());
  });
  proxy.listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  t.after(() => proxy.close());
  return (proxy.address() as AddressInfo).port;
}

test('the peer is whom the header names, and what comes with it in one piece is not lost', async (t) => {
  const { seen, refused, port: serverPort } = await server(t);
  for (const [name, header, wanted] of good) {
    const port = await balancer(t, serverPort, header);
    const client = await connect(`ada@127.0.0.1:${port}`, clientOptions);
    assert.equal((await client.exec('x')).status, 0, name);
    await client.close();
    const { address, port: from, localAddress, localPort, isBalancer } = seen.at(-1) as Peer;
    if (wanted === undefined) assert.deepEqual([address, localPort, isBalancer], ['127.0.0.1', serverPort, true], name);
    else assert.deepEqual({ address, port: from, localAddress, localPort }, wanted, name);
  }
  assert.deepEqual(refused, []);
});

test('a header that comes byte by byte, and a client right behind it', async (t) => {
  const { raw, seen } = await server(t);
  for (const header of [tcp4, ipv4]) {
    const all = Buffer.concat([header, Buffer.from('SSH-2.0-slow\r\n')]);
    const client = await raw(...Array.from(all, (byte) => Buffer.of(byte)));
    // The server's own words come before the client's, and its key exchange behind.
    await until('a key exchange', () => client.said().includes('curve25519'));
    assert.match(client.said(), /^SSH-2\.0-/);
    client.socket.destroy();
  }
  assert.deepEqual(
    seen.map(({ address }) => address),
    ['192.0.2.7', '192.0.2.7'],
  );
});

test('without a good header nobody comes in: the server says nothing and closes', async (t) => {
  const { raw, seen, refused } = await server(t);
  for (const bytes of bad) {
    const client = await raw(bytes);
    await client.closed;
    assert.equal(client.said(), '', bytes.toString('latin1').slice(0, 60));
  }
  const part = await raw(tcp4.subarray(0, 20));
  part.socket.end();
  await part.closed;
  assert.deepEqual(seen, []);
  assert.equal(refused.length, bad.length + 1);
  assert.ok(refused.every((reason) => reason.startsWith('bad PROXY header: ')));
});

test('who is no balancer names nobody else', async (t) => {
  const { raw, seen } = await server(t, { proxyProtocolFrom: () => false });
  const client = await raw(tcp4);
  await client.closed;
  assert.deepEqual(
    seen.map(({ address }) => address),
    ['127.0.0.1'],
  );
});

test('a balancer that looks and goes is no event, and the door asks about the client and not about the balancer', async (t) => {
  const asked: (string | undefined)[] = [];
  const { raw, seen, refused, said } = await server(t, {
    turnAway: ({ address }) => {
      asked.push(address);
      return address === '192.0.2.7' ? 'penalty' : undefined;
    },
  });
  const silent = await raw();
  silent.socket.end();
  await silent.closed;
  await until('a word in the log', () => said.length > 0);
  assert.deepEqual([seen, refused, asked], [[], [], []]);
  const penalised = await raw(tcp4);
  await penalised.closed;
  assert.match(penalised.said(), /^Not allowed/);
  assert.deepEqual([asked, refused], [['192.0.2.7'], ['penalty']]);
});

test('connections without a header are bounded in number, and end with the server', async (t) => {
  const { raw, refused, server: running } = await server(t);
  const held = await Promise.all(Array.from({ length: maxAwaitedProxyHeaders }, () => raw()));
  const further = await raw();
  await further.closed;
  assert.deepEqual(refused, ['too many without a PROXY header']);
  await running.close();
  await Promise.all(held.map(({ closed }) => closed));
});

test('a question that throws asks for a header', async (t) => {
  const { raw, seen } = await server(t, {
    proxyProtocolFrom: () => {
      throw new Error('no list');
    },
  });
  const client = await raw(Buffer.from('SSH-2.0-x\r\n'));
  await client.closed;
  assert.deepEqual(seen, []);
});
