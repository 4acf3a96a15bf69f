/** Sockets made for clients: Unix sockets they listen on, displays, and what ends them. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { inMemory, isError, until } from '../client/live.test.kit.ts';
import { allFeatures, fullPermissions, type Permissions } from '../trust/index.ts';
import { listenOnSocket, listenX11 } from './lent-sockets.ts';
import type { ServerOptions, X11ForwardRequest } from './options.ts';

const folder = mkdtempSync(join(tmpdir(), 'nacre-lent-'));
after(() => rmSync(folder, { recursive: true, force: true }));
let paths = 0;
const newPath = () => join(folder, `socket-${++paths}`);

function serving(permissions: Partial<Permissions> = {}, more: Partial<ServerOptions> = {}): Partial<ServerOptions> {
  return {
    authenticate: { publicKey: async () => ({ ...fullPermissions, ...permissions }) },
    listenUnix: (request) => listenOnSocket(request),
    ...more,
  };
}

async function echoThrough(path: string): Promise<string> {
  const socket = connect(path);
  socket.end('hello');
  let text = '';
  for await (const chunk of socket) text += String(chunk);
  return text;
}

test('a client listens on a Unix socket here, which its owner alone can reach, until it has enough', async (t) => {
  const { client } = await inMemory(t, serving());
  const path = newPath();
  const listener = await client.listenUnix(path, (stream) => void stream.pipe(stream));
  assert.equal(statSync(path).mode & 0o777, 0o600);
  assert.equal(await echoThrough(path), 'hello');
  await assert.rejects(
    client.listenUnix(path, () => {}),
    isError('request-refused'),
  );
  await listener.close();
  assert.equal(existsSync(path), false);
});

test('sockets close with the connection', async (t) => {
  const { client, served } = await inMemory(t, serving());
  const path = newPath();
  await client.listenUnix(path, () => {});
  await served.close();
  await until('the socket is gone', () => !existsSync(path));
});

test('StreamLocalBindMask and StreamLocalBindUnlink: the mode, and what lies in the way', async (t) => {
  const lax: Partial<ServerOptions> = {
    listenUnix: (request) => listenOnSocket(request, { bindMask: 0o111, unlinkFirst: true }),
  };
  const { client } = await inMemory(t, serving({}, lax));
  const path = newPath();
  // Left behind: nobody listens there any more.
  const stale = createServer().listen(path);
  await once(stale, 'listening');
  await client.listenUnix(path, (stream) => void stream.pipe(stream));
  assert.equal(statSync(path).mode & 0o777, 0o666);
  assert.equal(await echoThrough(path), 'hello');
  stale.close();
  // A file that is no socket is somebody's data.
  const file = newPath();
  writeFileSync(file, 'data');
  await assert.rejects(
    client.listenUnix(file, () => {}),
    isError('request-refused'),
  );
  assert.equal(existsSync(file), true);
});

test('who may not forward, or only listen on certain ports, gets no socket; neither does a server without the hook', async (t) => {
  for (const options of [
    serving({ allow: { ...allFeatures(true), 'port-forwarding': false } }),
    serving({ permitListen: [[{ host: '*', port: 'any' }]] }),
    serving({}, { listenUnix: undefined as never }),
    serving({}, { listenUnix: async () => undefined }),
  ]) {
    const { client } = await inMemory(t, options);
    const path = newPath();
    await assert.rejects(
      client.listenUnix(path, () => {}),
      isError('request-refused', 'channel'),
    );
    assert.equal(existsSync(path), false);
  }
});

test('paths that the system would cut short are refused before anything listens', async (t) => {
  const { client } = await inMemory(t, serving({}, { listenUnix: () => assert.fail('asked') }));
  for (const path of ['', `${newPath()}\0`]) {
    await assert.rejects(
      client.listenUnix(path, () => {}),
      isError('request-refused'),
    );
  }
});

const request: X11ForwardRequest = {
  authProtocol: 'MIT-MAGIC-COOKIE-1',
  authCookie: '00',
  screen: 2,
  singleConnection: false,
  onConnection: (stream) => void stream.destroy(),
};

test('displays take the first number that is free on every address', async (t) => {
  const displayOffset = 900 + Math.floor(Math.random() * 90);
  const one = await listenX11(request, { displayOffset });
  const two = await listenX11(request, { displayOffset });
  const named = await listenX11(request, { displayOffset, hostName: 'screens.example' });
  t.after(() => {
    for (const each of [one, two, named]) each?.close();
  });
  assert.ok(one && two && named);
  assert.deepEqual([one.display, one.xauthDisplay], [`localhost:${one.number}.2`, `unix:${one.number}.2`]);
  assert.ok(two.number > one.number && named.number > two.number);
  const name = `screens.example:${named.number}.2`;
  assert.deepEqual([named.display, named.xauthDisplay], [name, name]);
});

test('no-more-sessions is granted, and ends the connection of who opens one all the same', async (t) => {
  const { client, served } = await inMemory(t);
  assert.notEqual(await client.connection.globalRequest('no-more-sessions@openssh.com'), undefined);
  await assert.rejects(client.exec('x'));
  assert.equal((await served.closed).code, 'protocol-error');

  const kept = await inMemory(t);
  kept.client.noMoreSessions();
  await assert.rejects(kept.client.exec('x'), isError('misuse'));
});

test('UnusedConnectionTimeout and ChannelTimeout of a server', async (t) => {
  const { client, served } = await inMemory(t, {
    unusedConnectionTimeoutMs: 150,
    channelTimeouts: [{ type: 'session:command', seconds: 0.1 }],
    exec: (_command, { stdin }) => new Promise((resolve) => stdin.resume().once('close', () => resolve(0))),
  });
  const session = await client.spawn('x');
  session.stdout.resume();
  session.stderr.resume();
  assert.deepEqual(await session.exit, { neither: true });
  assert.equal((await served.closed).code, 'timeout');
});
