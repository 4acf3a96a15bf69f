import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { connect as connectSocket, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { clientOptions, hostKey, inMemory, isError, listening, startServer, until } from '../client/live.test.kit.ts';
import type { SshError } from '../errors.ts';
import type { Peer, ServerOptions } from './options.ts';
import { createServer } from './server.ts';

test('a server without a host key, or without a way in, is a mistake', () => {
  const publicKey = async () => false;
  for (const options of [
    { hostKeys: [], authenticate: { publicKey } },
    { hostKeys: [hostKey], authenticate: {} },
    { hostKeys: [hostKey], authenticate: { banner: 'hello', gate: async () => true } },
    { hostKeys: [hostKey] },
    { authenticate: { publicKey } },
    {},
    undefined,
  ]) {
    assert.throws(() => createServer(options as ServerOptions), isError('misuse', 'usage'));
  }
});

test('a port that is taken is an error of listen, and the next one can be tried', async (t) => {
  const { server, port } = await listening(t);
  await assert.rejects(server.listen(port), isError('connect-failed', 'tcp'));
  assert.notEqual((await server.listen(0)).port, port);
});

/** A client that speaks no SSH: raw bytes. */
async function rawClient(
  t: TestContext,
  port: number,
): Promise<{ socket: Socket; said: () => string; closed: Promise<unknown> }> {
  const socket = connectSocket(port, '127.0.0.1');
  t.after(() => socket.destroy());
  let text = '';
  socket.on('data', (chunk) => {
    text += chunk.toString('latin1');
  });
  socket.on('error', () => {});
  const closed = new Promise((resolve) => socket.once('close', resolve));
  await once(socket, 'connect');
  return { socket, said: () => text, closed };
}

test('a connection that was reset before it is accepted is no connection: no door, no count and no event', async (t) => {
  const events: unknown[] = [];
  const said: string[] = [];
  const { port, server, connect } = await listening(t, {
    turnAway: (peer) => void events.push(peer.address),
    onConnection: (peer) => void events.push(peer.address),
    onDisconnect: (error) => void events.push(error),
    log: (_, text) => void said.push(text),
  });
  // This process accepts nothing while it waits for the other to have come and gone.
  const script = `const socket = require('node:net').connect(${port}, '127.0.0.1', () => socket.resetAndDestroy());`;
  const { status, stderr } = spawnSync(process.execPath, ['-e', script]);
  assert.equal(status, 0, stderr.toString());
  await until('a word in the log', () => said.includes('a connection was gone before it was accepted'));
  assert.equal(server.connectionCount, 0);
  assert.deepEqual(events, []);
  await connect();
  assert.deepEqual(events, ['127.0.0.1', '127.0.0.1']);
});

test('a client that does not log in is sent away after the grace time, however far it came', async (t) => {
  const ended: SshError[] = [];
  const { port, connect, server } = await listening(t, {
    // Long enough that on a busy machine a handshake fits in.
    loginGraceMs: 1000,
    authenticate: { password: () => new Promise(() => {}) },
    onDisconnect: (error) => void ended.push(error),
  });
  const start = performance.now();
  const silent = await rawClient(t, port);
  const talking = await rawClient(t, port);
  talking.socket.write('SSH-2.0-slow\r\n');
  const waiting = connect({ identities: [], password: 'x' });
  await assert.rejects(waiting, isError('disconnected'));
  await Promise.all([silent.closed, talking.closed]);
  const took = performance.now() - start;
  assert.ok(took >= 900 && took < 15_000, `${took} ms`);
  assert.deepEqual(
    ended.map(({ code }) => code),
    ['timeout', 'timeout', 'timeout'],
  );
  assert.equal(server.connectionCount, 0);
});

test('who has logged in stays beyond the grace time', async (t) => {
  const { connect } = await listening(t, { loginGraceMs: 1500 });
  const client = await connect();
  await delay(1600);
  assert.equal((await client.exec('x')).status, 0);
});

test('beyond maxStartups clients are turned away, and let in again when others are done', async (t) => {
  const refused: Peer[] = [];
  const { port, connect, server } = await listening(t, {
    maxStartups: { start: 2, ratePercent: 100, full: 2 },
    onRefused: (peer) => void refused.push(peer),
  });
  const logged = await connect();
  const [first, second] = [await rawClient(t, port), await rawClient(t, port)];
  await until('both are counted', () => server.connectionCount === 3);
  const third = await rawClient(t, port);
  await third.closed;
  assert.match(third.said(), /^Not allowed at this time/);
  await assert.rejects(connect(), isError('connection-lost'));
  assert.deepEqual(
    refused.map(({ address }) => address),
    ['127.0.0.1', '127.0.0.1'],
  );
  // Who is logged in does not count, and is not touched.
  assert.equal((await logged.exec('x')).status, 0);
  first.socket.destroy();
  second.socket.destroy();
  await until('they are gone', () => server.connectionCount === 1);
  assert.equal((await (await connect()).exec('x')).status, 0);
});

test('between start and full some are turned away, and at full all', async (t) => {
  const { port, server } = await listening(t, { maxStartups: { start: 2, ratePercent: 50, full: 6 } });
  const clients: Awaited<ReturnType<typeof rawClient>>[] = [];
  for (let i = 0; i < 60; i++) clients.push(await rawClient(t, port));
  await until('all are decided', () => clients.filter(({ said }) => said() !== '').length === 60);
  const inside = clients.filter(({ said }) => said().startsWith('SSH-2.0-'));
  assert.ok(inside.length >= 2 && inside.length <= 6, `${inside.length} of 60`);
  assert.equal(server.connectionCount, inside.length);
});

test('a login handler that never answers does not count its client for ever', async (t) => {
  const { connect, server } = await listening(t, {
    maxStartups: { start: 1, ratePercent: 100, full: 1 },
    authenticate: { password: ({ password }) => (password === 'hang' ? new Promise(() => {}) : Promise.resolve(true)) },
  });
  const controller = new AbortController();
  const hanging = connect({ identities: [], password: 'hang', signal: controller.signal });
  hanging.catch(() => {});
  await until('it has come', () => server.connectionCount === 1);
  await delay(50);
  controller.abort();
  await assert.rejects(hanging, isError('aborted'));
  await until('it has gone', () => server.connectionCount === 0);
  assert.equal((await (await connect({ identities: [], password: 'x' })).exec('x')).status, 0);
});

test('what a client sends is acknowledged at once until it is logged in', async (t) => {
  const streams = new Set<object>();
  let asked = 0;
  const { connect } = await listening(t, {
    exec: () => Promise.resolve(0),
    acknowledge: (stream) => {
      asked++;
      streams.add(stream);
    },
  });
  const client = await connect();
  // Its turn comes after the answer.
  await delay(20);
  assert.ok(asked >= 3, `${asked} times for identification, key exchange and login`);
  assert.equal(streams.size, 1);
  const before = asked;
  assert.equal((await client.exec('x')).status, 0);
  assert.equal(asked, before);
});

test('maxSessions bounds what is open at a time, and not what was', async (t) => {
  const { client } = await inMemory(t, {
    maxSessions: 2,
    exec: (_command, { stdin }) => new Promise((resolve) => stdin.resume().on('end', () => resolve(0))),
  });
  const open = [await client.spawn('a'), await client.spawn('b')];
  await assert.rejects(client.spawn('c'), isError('channel-open-refused', 'channel'));
  for (const session of open) {
    session.stdout.resume();
    session.stderr.resume();
    session.stdin.end();
  }
  await Promise.all(open.map((session) => session.exit));
  for (let i = 0; i < 5; i++) assert.equal((await client.exec('d')).status, 0);
});

test('a session may begin where one has just ended, in the same read as well', async (t) => {
  let finish = (_status: number) => {};
  const first = new Promise<number>((resolve) => {
    finish = resolve;
  });
  const { client, pair } = await inMemory(t, {
    maxSessions: 1,
    exec: (command) => (command === 'first' ? first : Promise.resolve(0)),
  });
  const session = await client.spawn('first');
  session.stdout.resume();
  session.stderr.resume();
  // What the client says from now on reaches the server in one piece.
  const [, serverEnd] = pair;
  const held: Buffer[] = [];
  serverEnd.push = (chunk: Buffer) => {
    held.push(chunk);
    return true;
  };
  finish(0);
  await session.exit;
  const count = held.length;
  const second = client.exec('second');
  await until('the next one is asked for', () => held.length > count);
  Reflect.deleteProperty(serverEnd, 'push');
  serverEnd.push(Buffer.concat(held));
  assert.equal((await second).status, 0);
});

const boom = () => {
  throw new TypeError('a bug');
};
const boomLater = async () => boom();

test('programs that throw end with status 1, and their error is told', async (t) => {
  for (const exec of [boom, boomLater] as never[]) {
    const errors: unknown[] = [];
    const { client } = await inMemory(t, {
      exec,
      shell: exec,
      subsystems: { broken: exec },
      onError: (error) => void errors.push(error),
    });
    assert.equal((await client.exec('x')).status, 1);
    for (const session of [await client.shell(), await client.subsystem('broken')]) {
      session.stdout.resume();
      session.stderr.resume();
      assert.deepEqual(await session.exit, { status: 1 });
    }
    assert.equal(errors.length, 3);
    assert.ok(errors.every((error) => error instanceof TypeError));
  }
});

test('handlers that throw refuse, and the connection goes on', async (t) => {
  for (const fail of [boom, boomLater] as never[]) {
    const errors: unknown[] = [];
    const { client } = await inMemory(t, {
      acceptEnvironment: boom,
      forwardTcp: fail,
      forwardUnix: fail,
      listen: fail,
      onError: (error) => void errors.push(error),
    });
    await assert.rejects(client.forwardTcp('h', 1), isError('channel-open-refused'));
    await assert.rejects(client.forwardUnix('/x'), isError('channel-open-refused'));
    await assert.rejects(
      client.listen('h', 0, () => {}),
      isError('request-refused'),
    );
    assert.equal((await client.exec('x', { environment: { A: 'b' } })).stdout, 'ran x');
    assert.ok(errors.length >= 1);
    const broken = await inMemory(t, { session: boom, onError: (error) => void errors.push(error) });
    await assert.rejects(broken.client.exec('x'));
  }
});

test('login handlers that throw refuse, and their error is told', async (t) => {
  for (const fail of [boom, boomLater] as never[]) {
    for (const authenticate of [
      { publicKey: fail },
      { password: fail },
      { none: fail },
      { keyboardInteractive: fail },
    ]) {
      const errors: unknown[] = [];
      const connecting = inMemory(
        t,
        { authenticate, onError: (error) => void errors.push(error) },
        { password: 'x', auth: { keyboardInteractive: async () => [] } },
      );
      await assert.rejects(connecting, isError('auth-failed', 'auth'));
      assert.ok(
        errors.length >= 1 && errors.every((error) => error instanceof TypeError),
        Object.keys(authenticate)[0],
      );
    }
  }
});

test('hooks that throw harm nobody', async (t) => {
  const uncaught: unknown[] = [];
  const catching = (error: unknown) => void uncaught.push(error);
  process.on('uncaughtException', catching);
  process.on('unhandledRejection', catching);
  t.after(() => {
    process.off('uncaughtException', catching);
    process.off('unhandledRejection', catching);
  });
  for (const onError of [undefined, boom] as const) {
    const { connect, server } = await listening(t, {
      onConnection: boom,
      onAttempt: boom,
      onLogin: boom,
      onDisconnect: boom,
      log: boom,
      ...(onError && { onError }),
    });
    const client = await connect();
    assert.equal((await client.exec('x')).stdout, 'ran x');
    await client.close();
    await until('it is gone', () => server.connectionCount === 0);
  }
  await delay(20);
  assert.deepEqual(uncaught, []);
});

test('listeners of a program that throw do not end its client’s connection or the process', async (t) => {
  const errors: unknown[] = [];
  const { client } = await inMemory(t, {
    shell: (_none, { onWindowChange, onSignal, stdin }) =>
      new Promise((resolve) => {
        onWindowChange(boom);
        onSignal(boom);
        stdin.resume().on('end', () => resolve(0));
      }),
    onError: (error) => void errors.push(error),
  });
  const shell = await client.shell();
  shell.stdout.resume();
  shell.stderr.resume();
  shell.windowChange({ columns: 1, rows: 1 });
  shell.signal('INT');
  shell.stdin.end();
  assert.deepEqual(await shell.exit, { status: 0 });
  assert.equal((await client.exec('x')).stdout, 'ran x');
  assert.equal(errors.length, 2);
});

test('closing ends every connection, and nothing can be opened any more', async (t) => {
  const { connect, server, port } = await listening(t);
  const clients = [await connect(), await connect(), await connect()];
  const raw = await rawClient(t, port);
  await server.close();
  await raw.closed;
  for (const client of clients) assert.ok((await client.closed) !== undefined);
  assert.equal(server.connectionCount, 0);
  await assert.rejects(connect(), isError('connect-failed'));
  await server.close();
});

test('stopListening lets those inside go on', async (t) => {
  const { connect, server } = await listening(t);
  const client = await connect();
  server.stopListening();
  await assert.rejects(connect(), isError('connect-failed'));
  assert.equal((await client.exec('x')).status, 0);
});

test('handle gives the connection once it is logged in, and undefined where it never will be', async (t) => {
  const { served, client } = await inMemory(t);
  assert.equal(served.user, 'ada');
  assert.equal(served.peer.address, '192.0.2.7');
  assert.match(served.peer.identification, /^SSH-2\.0-nacre/);
  await served.close('enough for today');
  assert.equal((await client.closed)?.code, 'disconnected');
  const server = startServer();
  const { duplexPair } = await import('../client/live.test.kit.ts');
  const [near, far] = duplexPair();
  const serving = server.handle(far);
  near.end('GET / HTTP/1.1\r\n\r\n');
  near.resume();
  assert.equal(await serving, undefined);
  await server.close();
  assert.deepEqual(clientOptions.identities.length, 1);
});
