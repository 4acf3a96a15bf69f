/** Long streams through forwards, ends that stop reading, and ends that go without a word. */
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { type AddressInfo, connect as connectSocket, createServer, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import type { Forward } from '../config/index.ts';
import { connectTcp, listenOnLoopback } from '../server/index.ts';
import type { ClientConnection } from './client-connection.ts';
import { forwardLocal, forwardRemote } from './forwards.ts';
import { listening, until } from './live.test.kit.ts';

const serverOptions = { forwardTcp: connectTcp, listen: listenOnLoopback };

async function listen(t: TestContext, onSocket: (socket: Socket) => void): Promise<number> {
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => {});
    t.after(() => socket.destroy());
    onSocket(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  return (server.address() as AddressInfo).port;
}

/** Both kinds: who accepts reads at one end, who connects at the other. */
const kinds = { local: forwardLocal, remote: forwardRemote };

async function openForward(
  t: TestContext,
  kind: keyof typeof kinds,
  target: number,
  ended: () => void = () => {},
): Promise<{ client: ClientConnection; dial: () => Socket }> {
  const { connect } = await listening(t, serverOptions);
  const client = await connect();
  const forward: Forward = {
    listen: { kind: 'tcp', host: '127.0.0.1', port: 0 },
    target: { kind: 'tcp', host: '127.0.0.1', port: target },
  };
  const active = await kinds[kind](client, forward, { onEnd: ended });
  t.after(() => active.close());
  assert.ok(active.listen.kind === 'tcp');
  const { port } = active.listen;
  return {
    client,
    dial: () => {
      const socket = connectSocket({ host: '127.0.0.1', port, allowHalfOpen: true });
      socket.on('error', () => {});
      t.after(() => socket.destroy());
      return socket;
    },
  };
}

/** Reads in fits and starts, so that all that is on the way has to wait again and again. */
async function hashOf(socket: Socket): Promise<string> {
  const hash = createHash('sha256');
  let pieces = 0;
  for await (const chunk of socket.iterator({ destroyOnReturn: false })) {
    hash.update(chunk as Buffer);
    if (++pieces % 64 === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  }
  return hash.digest('hex');
}

for (const kind of ['local', 'remote'] as const) {
  test(`${kind}: 12 MB each way at once on each of three connections, with readers that pause`, async (t) => {
    const [up, down] = [randomBytes(12_000_000), randomBytes(12_000_000)];
    const sums = [up, down].map((bytes) => createHash('sha256').update(bytes).digest('hex'));
    const received: Promise<string>[] = [];
    const port = await listen(t, (socket) => {
      received.push(hashOf(socket));
      // In pieces of all sizes, since small ones are gathered and large ones are not.
      for (let at = 0, size = 1; at < down.length; at += size, size = (size * 7) % 300_007)
        socket.write(down.subarray(at, at + size));
      socket.end();
    });
    let ended = 0;
    const { dial } = await openForward(t, kind, port, () => ended++);
    const results = await Promise.all(
      [1, 2, 3].map(async () => {
        const socket = dial();
        const result = hashOf(socket);
        socket.end(up);
        return result;
      }),
    );
    assert.deepEqual(results, [sums[1], sums[1], sums[1]]);
    assert.deepEqual(await Promise.all(received), [sums[0], sums[0], sums[0]]);
    await until('all have ended', () => ended === 3);
  });

  test(`${kind}: what an end said before it reset the connection arrives, and both ends are closed`, async (t) => {
    const said = randomBytes(300_000);
    const port = await listen(t, (socket) => {
      socket.write(said, () => setTimeout(() => socket.resetAndDestroy(), 200));
      socket.resume();
    });
    let ended = 0;
    const { dial } = await openForward(t, kind, port, () => ended++);
    const socket = dial();
    const chunks: Buffer[] = [];
    socket.on('data', (chunk: Buffer) => chunks.push(chunk));
    await once(socket, 'end');
    assert.ok(Buffer.concat(chunks).equals(said));
    // The end that is left neither closes nor says anything more: it is closed from here.
    assert.equal(socket.destroyed, false);
    await until('it has ended', () => ended === 1);
  });

  test(`${kind}: an end that goes in the middle of an upload ends the other`, async (t) => {
    let taken = 0;
    const port = await listen(t, (socket) => {
      socket.on('data', (chunk: Buffer) => {
        taken += chunk.length;
        if (taken > 4_000_000) socket.resetAndDestroy();
      });
    });
    let ended = 0;
    const { dial } = await openForward(t, kind, port, () => ended++);
    const socket = dial();
    const bytes = Buffer.alloc(1_000_000);
    const push = (): void => {
      if (!socket.destroyed) socket.write(bytes, push);
    };
    push();
    socket.resume();
    socket.on('end', () => socket.destroy());
    await once(socket, 'close');
    await until('it has ended', () => ended === 1);
  });
}
