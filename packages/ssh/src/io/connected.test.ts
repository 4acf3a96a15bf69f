import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import { test } from 'node:test';
import { connected } from './connected.ts';

test('a socket that stands, with nobody listening for its errors; one that is refused; one that is given up', async (t) => {
  const server = createServer((socket) => socket.on('error', () => {}));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  t.after(() => server.close());
  const socket = await connected(connect({ port, host: '127.0.0.1' }), new AbortController().signal);
  assert.equal(socket.listenerCount('error'), 0);
  socket.destroy();

  const given = connect({ port, host: '127.0.0.1' });
  const controller = new AbortController();
  const waiting = connected(given, controller.signal);
  controller.abort(new Error('enough'));
  await assert.rejects(waiting, /enough/);
  assert.ok(given.destroyed);
  await assert.rejects(connected(connect({ port, host: '127.0.0.1' }), controller.signal), /enough/);

  server.close();
  await assert.rejects(connected(connect({ path: '/nonexistent/socket' })), { code: 'ENOENT' });
});
