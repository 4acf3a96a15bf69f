/** Hostile and careless clients of a live server: nothing they send ends the process, or touches others. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect as connectSocket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { connect } from '../client/connect.ts';
import { clientOptions, listening, until } from '../client/live.test.kit.ts';
import { version } from '../version.ts';

/** Sends pieces over a connection of its own, then hangs up one way or the other; resolves when it is closed. */
async function assault(
  port: number,
  pieces: readonly Buffer[],
  ending: 'end' | 'reset' | 'stay' = 'end',
): Promise<void> {
  const socket = connectSocket(port, '127.0.0.1');
  socket.on('error', () => {});
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  await once(socket, 'connect');
  for (const piece of pieces) {
    socket.write(piece);
    await new Promise((resolve) => setImmediate(resolve));
  }
  if (ending === 'reset') socket.resetAndDestroy();
  else if (ending === 'end') socket.end();
  socket.resume();
  await closed;
}

function watchProcess(t: TestContext): unknown[] {
  const uncaught: unknown[] = [];
  const catching = (error: unknown) => void uncaught.push(error);
  process.on('uncaughtException', catching);
  process.on('unhandledRejection', catching);
  t.after(() => {
    process.off('uncaughtException', catching);
    process.off('unhandledRejection', catching);
  });
  return uncaught;
}

const greeting = Buffer.from(`SSH-2.0-nacre_${version}\r\n`);

/** A whole KEXINIT in the clear, as one packet; `change` spoils it. */
function kexInit(change: (payload: Buffer) => Buffer = (payload) => payload): Buffer {
  const lists = [
    'mlkem768x25519-sha256,curve25519-sha256',
    'ssh-ed25519',
    'aes256-gcm@openssh.com',
    'aes256-gcm@openssh.com',
    'hmac-sha2-256',
    'hmac-sha2-256',
    'none',
    'none',
    '',
    '',
  ].map((text) => Buffer.concat([uint32(text.length), Buffer.from(text)]));
  return packet(change(Buffer.concat([Buffer.from([20]), randomBytes(16), ...lists, Buffer.alloc(5)])));
}

function packet(payload: Buffer): Buffer {
  const padding = 8 - ((payload.length + 5) % 8) + 8;
  return Buffer.concat([uint32(payload.length + padding + 1), Buffer.from([padding]), payload, Buffer.alloc(padding)]);
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

test('random and spoilt bytes of sixty clients leave the server up and another connection unharmed', async (t) => {
  const uncaught = watchProcess(t);
  const { connect, port, server } = await listening(t, { maxStartups: { start: 100, ratePercent: 0, full: 200 } });
  const good = await connect();
  const flip = (payload: Buffer) => {
    const at = Math.floor(Math.random() * payload.length);
    payload[at] = (payload[at] as number) ^ (1 << Math.floor(Math.random() * 8));
    return payload;
  };
  const kinds: (() => Buffer[])[] = [
    () => [randomBytes(1 + Math.floor(Math.random() * 5000))],
    () => [greeting, randomBytes(1 + Math.floor(Math.random() * 5000))],
    () => [greeting, kexInit(flip)],
    () => [greeting, kexInit((payload) => payload.subarray(0, Math.floor(Math.random() * payload.length)))],
    () => [greeting, kexInit(), packet(randomBytes(200))],
    () => [greeting, kexInit(), packet(Buffer.concat([Buffer.from([30]), uint32(1216), randomBytes(1216)]))],
    () => [greeting, uint32(0xffffffff), randomBytes(100)],
    () => [greeting, packet(Buffer.alloc(0))],
    () => [Buffer.from('GET / HTTP/1.1\r\nHost: x\r\n\r\n')],
    () => [Buffer.alloc(300_000, 0x41)],
    () => [greeting.subarray(0, 5)],
    () => [Buffer.alloc(0)],
    ...Array.from({ length: 8 }, (_, i) => () => [
      greeting,
      packet(Buffer.from([[1, 2, 4, 5, 50, 52, 80, 90][i] as number])),
    ]),
  ];
  for (let round = 0; round < 3; round++) {
    const ending = (['end', 'reset', 'end'] as const)[round] ?? 'end';
    const attacks = kinds.map((kind) => assault(port, kind(), ending));
    assert.equal((await good.exec('in between')).stdout, 'ran in between');
    await Promise.all(attacks);
  }
  await until('only the good one is left', () => server.connectionCount === 1);
  assert.equal((await good.exec('after all that')).stdout, 'ran after all that');
  assert.equal((await (await connect()).exec('anew')).stdout, 'ran anew');
  assert.deepEqual(uncaught, []);
});

test('a client that hangs up at any moment of a session leaves nothing behind', async (t) => {
  const uncaught = watchProcess(t);
  const { connect, server } = await listening(t, {
    exec: async (_command, { stdin, stdout }) => {
      for await (const chunk of stdin) stdout.write(chunk);
    },
  });
  for (let i = 0; i < 20; i++) {
    const client = await connect();
    const session = await client.spawn('cat');
    session.stdin.write(Buffer.alloc(i * 1000));
    if (i % 2 === 0) session.stdin.end();
    session.stdout.on('error', () => {});
    if (i % 3 === 0) await new Promise((resolve) => setTimeout(resolve, i % 5));
    await client.close();
  }
  await until('all are gone', () => server.connectionCount === 0);
  assert.deepEqual(uncaught, []);
});

test('two hundred connections come and go and leave no socket, no listener and no memory', async (t) => {
  setFlagsFromString('--expose-gc');
  const collectGarbage = runInNewContext('gc') as () => void;
  const warnings: Error[] = [];
  const onWarning = (warning: Error) => void warnings.push(warning);
  process.on('warning', onWarning);
  t.after(() => process.off('warning', onWarning));
  const { port, server } = await listening(t);
  const cycle = async (times: number) => {
    for (let i = 0; i < times; i++) {
      // Not the kit's own connect, which remembers them all.
      const client = await connect(`ada@127.0.0.1:${port}`, clientOptions);
      if (i % 10 === 0) await client.exec('x');
      await client.close();
    }
    await until('all are gone', () => server.connectionCount === 0);
    // Sockets that still say goodbye.
    await new Promise((resolve) => setTimeout(resolve, 50));
    collectGarbage();
    await new Promise((resolve) => setImmediate(resolve));
    collectGarbage();
    return process.memoryUsage();
  };
  const listenersBefore = () => ['exit', 'uncaughtException', 'beforeExit'].map((name) => process.listenerCount(name));
  const counts = listenersBefore();
  const sockets = () => process.getActiveResourcesInfo().filter((name) => /TCPSocket|TCPServer/.test(name)).length;
  const before = await cycle(40);
  const socketsBefore = sockets();
  const after = await cycle(200);
  assert.ok(sockets() <= socketsBefore, `${sockets()} sockets, ${socketsBefore} before`);
  assert.deepEqual(listenersBefore(), counts);
  assert.deepEqual(warnings, []);
  const grown = after.heapUsed + after.arrayBuffers - before.heapUsed - before.arrayBuffers;
  assert.ok(grown < 200 * 16 * 1024, `${Math.round(grown / 1024)} KiB more than before`);
});
