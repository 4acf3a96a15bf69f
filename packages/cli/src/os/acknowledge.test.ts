import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { PassThrough } from 'node:stream';
import { type TestContext, test } from 'node:test';
import { acknowledgeAtOnce } from './acknowledge.ts';
import { tryPlatform } from './native.ts';

async function socketPair(t: TestContext): Promise<[Socket, Socket]> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1');
  const [socket] = (await once(server, 'connection')) as [Socket];
  server.close();
  t.after(() => {
    client.destroy();
    socket.destroy();
  });
  return [client, socket];
}

test('the system takes it for a TCP socket, as often as it is asked', {
  skip: tryPlatform() === undefined && 'koffi has no build for this system',
}, async (t) => {
  const [client, socket] = await socketPair(t);
  const { fd } = (socket as unknown as { _handle: { fd: number } })._handle;
  for (let i = 0; i < 3; i++) {
    client.write('x');
    await once(socket, 'data');
    assert.doesNotThrow(() => tryPlatform()?.acknowledge(fd));
  }
});

test('what is no TCP socket, or one no more, is left alone', async (t) => {
  const [, socket] = await socketPair(t);
  socket.destroy();
  await once(socket, 'close');
  // The standard input of a test is a pipe or a file.
  for (const stream of [socket, new PassThrough(), { _handle: { fd: -1 } }, { _handle: { fd: 0 } }]) {
    assert.doesNotThrow(() => acknowledgeAtOnce(stream));
  }
});
