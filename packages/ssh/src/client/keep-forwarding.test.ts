import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, connect as dialSocket, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import type { ForwardListen } from '../config/index.ts';
import { SshError, type SshErrorCode } from '../errors.ts';
import type { SshServer } from '../server/index.ts';
import { connectTcp, listenOnLoopback } from '../server/index.ts';
import type { ClientConnection } from './client-connection.ts';
import { connect } from './connect.ts';
import { pinnedHostKeys } from './host-key-policy.ts';
import { type KeepForwardingOptions, keepForwarding } from './keep-forwarding.ts';
import type { KeptEvent } from './kept-event.ts';
import { clientOptions, isError, otherKey, startServer, until, userKey } from './live.test.kit.ts';

const anyPort: ForwardListen = { kind: 'tcp', host: '127.0.0.1', port: 0 };
const backOff = { firstMs: 4, mostMs: 20 };
const serverOptions = { forwardTcp: connectTcp, listen: listenOnLoopback };

/** A server that can be ended and started anew at its port, and a target that sends back what it gets. */
async function startWorld(t: TestContext) {
  const target = createServer({ allowHalfOpen: true }, (socket) => socket.on('error', () => {}).pipe(socket));
  target.listen(0, '127.0.0.1');
  await once(target, 'listening');
  t.after(() => target.close());
  let server: SshServer = startServer(serverOptions);
  t.after(() => server.close());
  const { port } = await server.listen(0);
  const events: KeptEvent[] = [];
  return {
    to: { kind: 'tcp', host: '127.0.0.1', port: (target.address() as { port: number }).port } as const,
    events,
    kinds: () => events.map(({ kind }) => kind),
    down: () => server.close(),
    up: async (options: Parameters<typeof startServer>[0] = {}) => {
      server = startServer({ ...serverOptions, ...options });
      await server.listen(port);
    },
    keep: async (options: KeepForwardingOptions = {}, dial = () => connect(`ada@127.0.0.1:${port}`, clientOptions)) => {
      const kept = await keepForwarding(dial, { backOff, onEvent: (event) => void events.push(event), ...options });
      t.after(() => kept.close());
      return kept;
    },
  };
}

function dial(listen: ForwardListen): Socket {
  const socket = dialSocket({ port: listen.kind === 'tcp' ? listen.port : 0, host: '127.0.0.1' });
  socket.on('error', () => {});
  return socket;
}

async function echo(listen: ForwardListen, text: string): Promise<string> {
  const socket = dial(listen);
  socket.end(text);
  let answer = '';
  // Closed with what it asked still unread: a reset, which is as good as an end.
  await (async () => {
    for await (const chunk of socket) answer += String(chunk);
  })().catch(() => {});
  return answer;
}

test('a server that is started anew finds the forwards again: listeners stayed, remote ones are asked for', async (t) => {
  const world = await startWorld(t);
  const kept = await world.keep();
  const local = await kept.local({ listen: anyPort, target: world.to });
  const remote = await kept.remote({ listen: anyPort, target: world.to });
  const { listen } = remote;
  assert.equal(await echo(local.listen, 'abc'), 'abc');
  assert.equal(await echo(remote.listen, 'defg'), 'defg');
  assert.deepEqual(
    kept.status().map(({ side, isUp, reconnects, connections }) => ({ side, isUp, reconnects, connections })),
    [
      { side: 'local', isUp: true, reconnects: 0, connections: 1 },
      { side: 'remote', isUp: true, reconnects: 0, connections: 1 },
    ],
  );
  for (let round = 1; round <= 2; round++) {
    await world.down();
    await until('the loss was told', () => world.kinds().filter((kind) => kind === 'lost').length === round);
    assert.ok(kept.status().every(({ isUp }) => !isUp));
    assert.equal(kept.connection, undefined);
    const early = echo(local.listen, 'waited');
    await world.up();
    assert.equal(await early, 'waited');
    await until('the remote one is back', () => kept.status().every(({ isUp }) => isUp));
    assert.deepEqual(remote.listen, listen, 'the port that the server chose is asked for again');
    assert.equal(await echo(remote.listen, 'again'), 'again');
  }
  assert.equal(kept.reconnects, 2);
  const [here, there] = kept.status();
  assert.deepEqual([here?.reconnects, there?.reconnects], [2, 2]);
  await until('all have ended', () => kept.status().every(({ openConnections }) => openConnections === 0));
  assert.deepEqual([kept.status()[0]?.bytesOut, kept.status()[0]?.bytesIn], [15, 15]);
  await kept.close();
  assert.equal(await kept.closed, undefined);
  const late = dial(local.listen);
  const [error] = (await once(late, 'error')) as [NodeJS.ErrnoException];
  assert.equal(error.code, 'ECONNREFUSED');
});

test('what will not heal ends it: a changed host key, a refused login', async (t) => {
  for (const [options, code] of [
    [{ hostKeys: [otherKey] }, 'host-key-refused'],
    [{ authenticate: { publicKey: async () => false } }, 'auth-failed'],
  ] as const) {
    const world = await startWorld(t);
    const kept = await world.keep();
    const local = await kept.local({ listen: anyPort, target: world.to });
    await world.down();
    await until('the loss was told', () => world.kinds().includes('lost'));
    const waiting = echo(local.listen, 'abc');
    await world.up(options);
    const error = await kept.closed;
    assert.ok(
      error instanceof SshError && ([code, 'host-key-changed'] as SshErrorCode[]).includes(error.code),
      `${error}`,
    );
    assert.equal(await waiting, '');
    await assert.rejects(kept.remote({ listen: anyPort, target: world.to }), isError('closed'));
  }
});

test('attempts in a row are counted, and given up at the limit with the last failure', async (t) => {
  const world = await startWorld(t);
  const kept = await world.keep({ backOff: { ...backOff, attempts: 3 } });
  await world.down();
  assert.equal((await kept.closed)?.code, 'connect-failed');
  assert.deepEqual(world.kinds(), ['lost', 'retrying', 'failed', 'retrying', 'failed', 'retrying', 'failed']);
});

test('who connects while the server is gone waits no longer than told, and no more than so many wait', async (t) => {
  const world = await startWorld(t);
  const kept = await world.keep({ backOff: { firstMs: 60_000, mostMs: 60_000 }, holdMs: 30, maxHeld: 2 });
  const failures: SshError[] = [];
  const local = await kept.local(
    { listen: anyPort, target: world.to },
    { onFailure: (error) => void failures.push(error) },
  );
  await world.down();
  await until('the loss was told', () => world.kinds().includes('lost'));
  assert.deepEqual(await Promise.all(['a', 'b', 'c'].map((text) => echo(local.listen, text))), ['', '', '']);
  assert.deepEqual(failures.map(({ message }) => message).sort(), [
    'there is no connection to the server, and too many wait for it',
    'there is no connection to the server, for 0.03 seconds now',
    'there is no connection to the server, for 0.03 seconds now',
  ]);
});

test('a port that the old session still holds is asked for until it is free', async (t) => {
  const world = await startWorld(t);
  const kept = await world.keep();
  const chosen = (await kept.remote({ listen: anyPort, target: world.to })).listen;
  const remote = await kept.remote({ listen: { ...anyPort, port: 0 }, target: world.to });
  const fixed = (remote.listen as { port: number }).port;
  await remote.close();
  const named = await kept.remote({ listen: { ...anyPort, port: fixed }, target: world.to });
  await world.down();
  const holder = createServer();
  holder.listen(fixed, '127.0.0.1');
  await once(holder, 'listening');
  await world.up();
  await until('it was refused', () => world.kinds().includes('remote-refused'));
  assert.equal(named.status().isUp, false);
  holder.close();
  await until('it is back', () => named.status().isUp);
  assert.equal(await echo(named.listen, 'abc'), 'abc');
  assert.deepEqual(kept.status()[0]?.listen, chosen);
});

test('an attempt that hangs is ended, and the next one made', async (t) => {
  const world = await startWorld(t);
  let calls = 0;
  const hangs = (signal: AbortSignal) =>
    new Promise<ClientConnection>((_, reject) =>
      signal.addEventListener('abort', () => reject(signal.reason as Error)),
    );
  const straight = async (signal: AbortSignal): Promise<ClientConnection> => {
    calls++;
    return calls === 2 ? hangs(signal) : connect(`ada@127.0.0.1:${port()}`, { ...clientOptions, signal });
  };
  let at = 0;
  const port = () => at;
  const server = startServer(serverOptions);
  t.after(() => server.close());
  at = (await server.listen(0)).port;
  const kept = await keepForwarding(straight, {
    backOff,
    attemptMs: 50,
    onEvent: (event) => void world.events.push(event),
  });
  t.after(() => kept.close());
  kept.connection?.connection.link.fail(new SshError('cut', { code: 'connection-lost', stage: 'transport' }));
  await until('it is back', () => kept.reconnects === 1);
  assert.equal(calls, 3);
  const [failed] = world.events.filter((event) => event.kind === 'failed');
  assert.equal(failed?.kind === 'failed' && failed.error.code, 'timeout');
});

test('the first connection is the caller’s affair', async () => {
  const options = { hostKeys: pinnedHostKeys(otherKey.publicKey), identities: [userKey] };
  await assert.rejects(
    keepForwarding(() => connect('ada@127.0.0.1:1', options)),
    isError('connect-failed'),
  );
});
