import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer, Socket } from 'node:net';
import { test } from 'node:test';
import { readBuffer } from './read-buffer.ts';
import { StreamDriver } from './stream-driver.ts';

/** A socket that reads by its driver, and the other end of it. */
async function connected(receive: (chunk: Buffer) => void) {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  let driver: StreamDriver | undefined;
  const socket = new Socket({
    onread: {
      buffer: readBuffer(),
      callback: (byteCount: number, buffer: Uint8Array) => driver?.onRead(byteCount, buffer) ?? true,
    },
  } as ConstructorParameters<typeof Socket>[0]);
  socket.connect((server.address() as AddressInfo).port, '127.0.0.1');
  const [peer] = (await once(server, 'connection')) as [Socket];
  server.close();
  await once(socket, 'connect');
  driver = new StreamDriver(socket);
  driver.drive({ receive, receiveEnd: () => {}, onDrain: () => {} });
  const close = () => {
    socket.destroy();
    peer.destroy();
  };
  return { driver, peer, close };
}

for (const [isShared, mostReads] of [
  [false, 8],
  [true, 2],
] as const) {
  test(`a stream that never runs dry leaves others their turn${isShared ? ', after each read where somebody types' : ''}`, async () => {
    const totalBytes = 8 * 2 ** 20;
    let received = 0;
    let inTurn = 0;
    let mostInTurn = 0;
    let isOver = false;
    const turn = () => {
      inTurn = 0;
      if (!isOver) setImmediate(turn);
    };
    let done = () => {};
    const allHere = new Promise<void>((resolve) => {
      done = resolve;
    });
    const { driver, peer, close } = await connected((chunk) => {
      received += chunk.length;
      inTurn++;
      mostInTurn = Math.max(mostInTurn, inTurn);
      if (received === totalBytes) done();
    });
    driver.shareTurns(isShared);
    setImmediate(turn);
    peer.write(Buffer.alloc(totalBytes));
    await allHere;
    isOver = true;
    close();
    assert.ok(mostInTurn <= mostReads, `${mostInTurn} reads in a row`);
  });
}

test('reading that was stopped stays stopped, whoever has had a turn meanwhile', async () => {
  let received = 0;
  let wasStopped = false;
  const { driver, peer, close } = await connected((chunk) => {
    received += chunk.length;
    if (received >= 4 * readBuffer().length && !wasStopped) {
      wasStopped = true;
      driver.setReading(false);
    }
  });
  peer.write(Buffer.alloc(2 ** 20));
  while (received < 4 * readBuffer().length) await new Promise((resolve) => setImmediate(resolve));
  for (let turns = 0; turns < 50; turns++) await new Promise((resolve) => setImmediate(resolve));
  const stopped = received;
  assert.ok(stopped < 2 ** 20);
  driver.setReading(true);
  while (received < 2 ** 20) await new Promise((resolve) => setImmediate(resolve));
  close();
});
