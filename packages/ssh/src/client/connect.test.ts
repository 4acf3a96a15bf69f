import assert from 'node:assert/strict';
import { getEventListeners, once } from 'node:events';
import { connect as connectSocket, createServer as createNetServer, type Socket } from 'node:net';
import { Duplex, Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { type TestContext, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { SshError } from '../errors.ts';
import { connectTcp, listenOnLoopback, type ServerOptions } from '../server/index.ts';
import type { ClientConnection } from './client-connection.ts';
import { connect } from './connect.ts';
import { pinnedHostKeys } from './host-key-policy.ts';
import {
  clientOptions,
  duplexPair,
  hostKey,
  inMemory,
  isError,
  listening,
  startServer,
  until,
} from './live.test.kit.ts';

/** Runs a test over both kinds of line. */
function onEachLine(
  name: string,
  serverOptions: Partial<ServerOptions>,
  run: (client: ClientConnection) => Promise<void>,
) {
  test(`${name}: in memory`, async (t) => run((await inMemory(t, serverOptions)).client));
  test(`${name}: over TCP`, async (t) => run(await (await listening(t, serverOptions)).connect()));
}

onEachLine(
  'exec gathers output, status and input',
  {
    exec: async (command, { stdin, stdout, stderr }) => {
      for await (const chunk of stdin) stdout.write(chunk);
      stderr.write(`err of ${command}`);
      return 258 & 0xff;
    },
  },
  async (client) => {
    const expected = { stderr: 'err of cat', status: 2, signal: undefined };
    assert.deepEqual(await client.exec('cat', { input: 'grüße' }), { stdout: 'grüße', ...expected });
    assert.deepEqual(await client.exec('cat'), { stdout: '', ...expected });
    const input = Readable.from(['a', Buffer.from('b')]);
    assert.deepEqual(await client.exec('cat', { input }), { stdout: 'ab', ...expected });
    const bytes = await client.exec('cat', { input: Buffer.from([0, 255]), encoding: 'buffer' });
    assert.ok(Buffer.isBuffer(bytes.stdout) && bytes.stdout.equals(Buffer.from([0, 255])));
  },
);

onEachLine(
  'a megabyte goes both ways, unchanged',
  { exec: async (_command, { stdin, stdout }) => pipeline(stdin, stdout, { end: false }) },
  async (client) => {
    const input = Buffer.alloc(1024 * 1024, 'abcdefghijklmnopqrstuvwxyz0123456789');
    const { stdout, status } = await client.exec('cat', { input, encoding: 'buffer' });
    assert.equal(status, 0);
    assert.ok(stdout.equals(input));
  },
);

onEachLine(
  'twenty commands at once',
  { maxSessions: 20, exec: async (command, { stdout }) => void stdout.write(command) },
  async (client) => {
    const names = Array.from({ length: 20 }, (_, i) => `command ${i}`);
    const results = await Promise.all(names.map((name) => client.exec(name)));
    assert.deepEqual(
      results.map(({ stdout }) => stdout),
      names,
    );
  },
);

test('a signal that ended the program is told, without a status', async (t) => {
  const { client } = await inMemory(t, {
    session: () => ({
      onStart: (_start, session) => {
        setImmediate(() => void session.exitSignal('KILL', { message: 'enough' }));
        return true;
      },
    }),
  });
  assert.deepEqual(await client.exec('x'), { stdout: '', stderr: '', status: undefined, signal: 'KILL' });
});

test('a server that closes the channel without a word gives neither status nor signal', async (t) => {
  const { client } = await inMemory(t, {
    session: () => ({
      onStart: (_start, session) => {
        setImmediate(() => session.channel.close());
        return true;
      },
    }),
  });
  assert.deepEqual(await client.exec('x'), { stdout: '', stderr: '', status: undefined, signal: undefined });
});

test('a command that the server refuses, and a subsystem it does not have', async (t) => {
  const { client } = await inMemory(t, { exec: undefined as never, subsystems: { echo: async () => 0 } });
  await assert.rejects(client.exec('x'), isError('request-refused', 'channel'));
  await assert.rejects(client.spawn('x'), isError('request-refused'));
  await assert.rejects(client.subsystem('sftp'), isError('request-refused'));
  await assert.rejects(client.subsystem('constructor'), isError('request-refused'));
  const session = await client.subsystem('echo');
  session.stdout.resume();
  session.stderr.resume();
  assert.deepEqual(await session.exit, { status: 0 });
});

test('a shell gets its terminal, its resizes and its signals', async (t) => {
  const seen: unknown[] = [];
  const { client } = await inMemory(t, {
    shell: (_none, { stdin, stdout, pty, onWindowChange, onSignal }) =>
      new Promise((resolve) => {
        seen.push([pty?.term, pty?.columns, pty?.rows]);
        onWindowChange(({ columns, rows }) => void seen.push([columns, rows]));
        onSignal((name) => {
          seen.push(name);
          resolve(0);
        });
        stdin.resume();
        stdout.write('ready');
      }),
  });
  const shell = await client.shell({ pty: { term: 'vt100', columns: 132, rows: 50 } });
  shell.stderr.resume();
  await once(shell.stdout, 'data');
  shell.windowChange({ columns: 80, rows: 24 });
  shell.signal('INT');
  assert.deepEqual(await shell.exit, { status: 0 });
  assert.deepEqual(seen, [['vt100', 132, 50], [80, 24], 'INT']);
});

test('only variables that the server accepts arrive', async (t) => {
  const { client } = await inMemory(t, {
    acceptEnvironment: (name) => name.startsWith('LC_'),
    exec: async (_command, { stdout, environment }) => void stdout.write(JSON.stringify([...environment])),
  });
  const environment = { LC_ALL: 'C', LD_PRELOAD: '/evil.so', PATH: '/' };
  assert.equal((await client.exec('env', { environment })).stdout, '[["LC_ALL","C"]]');
});

async function echoPort(t: TestContext): Promise<number> {
  const echo = createNetServer({ allowHalfOpen: true }, (socket) => socket.pipe(socket));
  t.after(() => void echo.close());
  echo.listen(0, '127.0.0.1');
  await once(echo, 'listening');
  return (echo.address() as { port: number }).port;
}

test('forwardTcp reaches a port through the server, and says why where it cannot', async (t) => {
  const target = await echoPort(t);
  const { client } = await inMemory(t, {
    forwardTcp: async (request) =>
      request.port === 1 ? connectTcp(request) : request.port === target ? connectTcp(request) : undefined,
  });
  const stream = await client.forwardTcp('127.0.0.1', target);
  stream.end('there and back');
  let text = '';
  for await (const chunk of stream) text += String(chunk);
  assert.equal(text, 'there and back');
  await assert.rejects(client.forwardTcp('127.0.0.1', 1), isError('channel-open-refused', 'channel'));
  await assert.rejects(client.forwardTcp('127.0.0.1', 2), isError('channel-open-refused', 'channel'));
  await assert.rejects(client.forwardUnix('/nowhere'), isError('channel-open-refused'));
});

test('a jump host: one connection inside another', async (t) => {
  const inner = await listening(t);
  const { client: outer } = await inMemory(t, { forwardTcp: connectTcp });
  const connection = await connect(`ada@127.0.0.1:${inner.port}`, {
    ...clientOptions,
    stream: await outer.forwardTcp('127.0.0.1', inner.port),
  });
  assert.equal((await connection.exec('x')).stdout, 'ran x');
  // The outer connection ends: the inner one learns of it, and nothing hangs.
  const pending = connection.exec('y');
  await outer.close();
  await assert.rejects(Promise.all([pending, connection.exec('z')]), SshError);
  assert.ok((await connection.closed) instanceof SshError);
});

test('listen hands connections over, as long as it is open', async (t) => {
  const { client } = await inMemory(t, { listen: listenOnLoopback });
  const listener = await client.listen('127.0.0.1', 0, (stream) => stream.end('welcome').resume());
  const visit = () => {
    const socket = connectSocket(listener.port, '127.0.0.1');
    socket.end();
    return new Promise<string>((resolve, reject) => {
      let text = '';
      socket.on('data', (chunk) => {
        text += String(chunk);
      });
      socket.on('error', reject);
      socket.on('close', () => resolve(text));
    });
  };
  assert.equal(await visit(), 'welcome');
  assert.equal(await visit(), 'welcome');
  await assert.rejects(
    client.listen('127.0.0.1', listener.port, () => {}),
    isError('request-refused'),
  );
  await listener.close();
  await listener.close();
  await assert.rejects(visit(), { code: 'ECONNREFUSED' });
  // The port of a client that goes away closes with it.
  const second = await client.listen('127.0.0.1', 0, () => {});
  await client.close();
  let isOpen = true;
  for (let round = 0; round < 100 && isOpen; round++) {
    isOpen = await new Promise((resolve) => {
      const socket = connectSocket(second.port, '127.0.0.1', () => resolve(true));
      socket.on('connect', () => socket.destroy());
      socket.on('error', () => resolve(false));
    });
  }
  assert.equal(isOpen, false);
});

test('a server may not open channels that nobody asked for', async (t) => {
  const { served } = await inMemory(t);
  for (const type of ['forwarded-tcpip', 'x11', 'auth-agent@openssh.com', 'session', 'direct-tcpip', 'made-up']) {
    const data = Buffer.concat([
      Buffer.from('00000009', 'hex'),
      Buffer.from('127.0.0.1'),
      Buffer.from('00000016', 'hex'),
      Buffer.from('00000009', 'hex'),
      Buffer.from('127.0.0.1'),
      Buffer.from('00000016', 'hex'),
    ]);
    await assert.rejects(served.connection.openChannel(type, data), isError('channel-open-refused'), type);
  }
});

test('more output than allowed is an error that names the way out', async (t) => {
  const { client } = await inMemory(t, {
    exec: async (_command, { stdout }) => void stdout.write(Buffer.alloc(100_000)),
  });
  await assert.rejects(client.exec('yes', { maxOutputBytes: 99_999 }), (error: unknown) => {
    assert.match((error as SshError).remedy ?? '', /maxOutputBytes/);
    return isError('limit-exceeded')(error);
  });
  assert.equal((await client.exec('yes', { maxOutputBytes: 100_000 })).stdout.length, 100_000);
});

/** A program that ends when its client gives up. */
const waiting: Partial<ServerOptions> = {
  exec: (_command, { signal }) => new Promise((resolve) => signal.addEventListener('abort', () => resolve(0))),
};

test('a command is aborted, before it starts and while it runs; the connection goes on', async (t) => {
  let gaveUp = 0;
  const { client } = await inMemory(t, {
    exec: (command, { signal }) =>
      new Promise((resolve) => {
        if (command === 'quick') resolve(0);
        signal.addEventListener('abort', () => {
          if (command !== 'quick') gaveUp++;
          resolve(0);
        });
      }),
  });
  const reason = new Error('changed my mind');
  const isAborted = (error: unknown) => isError('aborted')(error) && (error as SshError).cause === reason;
  await assert.rejects(client.exec('slow', { signal: AbortSignal.abort(reason) }), isAborted);
  const controller = new AbortController();
  const running = client.exec('slow', { signal: controller.signal });
  setTimeout(() => controller.abort(reason), 30);
  await assert.rejects(running, isAborted);
  await until('the program was told', () => gaveUp === 1);
  assert.equal(getEventListeners(controller.signal, 'abort').length, 0);
  assert.equal((await client.exec('quick')).status, 0);
});

test('a time limit ends a command, also one whose start the server never answers', async (t) => {
  const { client } = await inMemory(t, waiting);
  await assert.rejects(client.exec('slow', { timeoutMs: 30 }), isError('timeout', 'channel'));
  const mute = await inMemory(t, { session: () => ({ onStart: () => new Promise(() => {}) }) });
  await assert.rejects(mute.client.exec('slow', { timeoutMs: 30 }), isError('timeout', 'channel'));
});

test('closing settles all that is pending, and every later call', async (t) => {
  const { client } = await inMemory(t, {
    ...waiting,
    shell: waiting.exec as never,
    listen: () => new Promise(() => {}),
  });
  const session = await client.spawn('slow');
  session.stdout.on('error', () => {});
  const reading = (async () => {
    for await (const _ of session.stdout);
  })();
  const pending = [
    client.exec('slow'),
    client.spawn('slow').then((started) => started.exit),
    session.exit,
    reading,
    client.listen('127.0.0.1', 0, () => {}),
    client.forwardTcp('127.0.0.1', 1),
    client.subsystem('none'),
    client.rekey(),
  ];
  await client.close();
  const results = await Promise.race([Promise.allSettled(pending), delay(2000, 'hanging')]);
  assert.notEqual(results, 'hanging');
  for (const result of results as PromiseSettledResult<unknown>[]) {
    if (result.status === 'rejected') assert.ok(result.reason instanceof SshError, String(result.reason));
  }
  assert.ok((results as PromiseSettledResult<unknown>[]).filter(({ status }) => status === 'rejected').length >= 5);
  assert.equal(await client.closed, undefined);
  await client.close();
  for (const call of [client.exec('x'), client.shell(), client.forwardTcp('h', 1), client.listen('h', 0, () => {})]) {
    await assert.rejects(call, isError('closed'));
  }
});

test('a line that breaks settles all that is pending with the reason, and closed tells it without rejecting', async (t) => {
  const { client, pair } = await inMemory(t, waiting);
  const pending = client.exec('slow');
  setTimeout(() => pair[0].destroy(new Error('the cable was cut')), 20);
  await assert.rejects(pending, isError('connection-lost'));
  assert.ok((await client.closed) instanceof SshError);
  await assert.rejects(client.exec('x'), SshError);
});

test('a server that goes away settles it as well, over TCP', async (t) => {
  const { connect: open, server } = await listening(t, waiting);
  const client = await open();
  const pending = client.exec('slow');
  pending.catch(() => {});
  await delay(20);
  await server.close();
  await assert.rejects(pending, SshError);
  assert.equal((await client.closed)?.code, 'disconnected');
});

test('await using closes', async () => {
  const server = startServer();
  const [clientEnd, serverEnd] = duplexPair();
  void server.handle(serverEnd);
  let outside: ClientConnection;
  {
    await using connection = await connect('ada@memory', { ...clientOptions, stream: clientEnd });
    outside = connection;
  }
  assert.equal(await outside.closed, undefined);
  await server.close();
});

test('facts of a connection', async (t) => {
  const { port, connect: open } = await listening(t);
  const seen: unknown[] = [];
  const client = await open({
    onConnect: ({ address, port, stream }) => void seen.push({ address, port }, (stream as Socket).remotePort),
    onHandshake: (facts) => void seen.push(facts.address),
  });
  assert.deepEqual(client.target, { host: '127.0.0.1', port, user: 'ada' });
  assert.deepEqual([client.address, ...seen], ['127.0.0.1', { address: '127.0.0.1', port }, port, '127.0.0.1']);
  assert.ok(client.hostKey.equals(hostKey.publicKey));
  assert.match(client.serverIdentification, /^SSH-2\.0-nacre/);
  assert.deepEqual(client.login.methods, ['publickey']);
  assert.equal(client.algorithms?.kex, 'mlkem768x25519-sha256');
  await client.rekey();
  assert.equal((await client.exec('x')).stdout, 'ran x');
});

test('connect needs a host key policy, and a target', async () => {
  await assert.rejects(connect('host', {} as never), isError('misuse', 'usage'));
  await assert.rejects(connect('host', undefined as never), isError('misuse', 'usage'));
  await assert.rejects(connect('host', { hostKeys: {} } as never), isError('misuse', 'usage'));
  await assert.rejects(connect('-oProxyCommand=x', clientOptions), isError('misuse', 'usage'));
});

test('errors name the stage: dns, tcp, host key, login', async (t) => {
  await assert.rejects(connect('no-such-host.invalid', clientOptions), isError('dns-failed', 'dns'));
  const closed = await closedPort();
  await assert.rejects(connect(`127.0.0.1:${closed}`, clientOptions), isError('connect-failed', 'tcp'));
  const { connect: open } = await listening(t);
  await assert.rejects(open({ hostKeys: pinnedHostKeys('SHA256:other') }), isError('host-key-refused', 'host-key'));
  await assert.rejects(open({ identities: [] }), isError('auth-failed', 'auth'));
});

async function closedPort(): Promise<number> {
  const server = createNetServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}

/** A TCP server that does with each connection what a test says. */
async function tcpServer(t: TestContext, serve: (socket: Socket) => void): Promise<string> {
  const sockets = new Set<Socket>();
  const server = createNetServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    serve(socket);
  }).listen(0, '127.0.0.1');
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  await once(server, 'listening');
  return `127.0.0.1:${(server.address() as { port: number }).port}`;
}

test('a server that says nothing, or half of it, runs into the time limit', async (t) => {
  const silent = await tcpServer(t, () => {});
  await assert.rejects(connect(silent, { ...clientOptions, timeoutMs: 50 }), isError('timeout'));
  const half = await tcpServer(t, (socket) => socket.write('SSH-2.0-half\r\n'));
  await assert.rejects(connect(half, { ...clientOptions, timeoutMs: 50 }), isError('timeout'));
});

test('the signal ends connecting at every stage, and leaves no socket and no listener', async (t) => {
  const seen: Promise<unknown>[] = [];
  const silent = await tcpServer(t, (socket) => {
    socket.resume();
    seen.push(once(socket, 'close'));
  });
  const controller = new AbortController();
  const connecting = connect(silent, { ...clientOptions, timeoutMs: 0, signal: controller.signal });
  connecting.catch(() => {});
  await until('the connection is there', () => seen.length === 1);
  controller.abort();
  await assert.rejects(connecting, isError('aborted'));
  await seen[0];
  assert.equal(getEventListeners(controller.signal, 'abort').length, 0);

  // In the middle of login.
  const { connect: open } = await listening(t, { authenticate: { password: () => new Promise(() => {}) } });
  const second = new AbortController();
  setTimeout(() => second.abort(), 150);
  await assert.rejects(open({ identities: [], password: 'x', signal: second.signal }), isError('aborted'));
  assert.equal(getEventListeners(second.signal, 'abort').length, 0);
});

test('one signal may serve many connections', async (t) => {
  const { connect: open } = await listening(t);
  const { signal } = new AbortController();
  for (let i = 0; i < 12; i++) {
    const client = await open({ signal });
    assert.equal((await client.exec('x', { signal })).status, 0);
    await client.close();
  }
  assert.equal(getEventListeners(signal, 'abort').length, 0);
});

test('callbacks that throw fail the call with an SshError, and leave nothing open', async (t) => {
  const { connect: open, server } = await listening(t);
  const failing = () => {
    throw new TypeError('a bug of the caller');
  };
  for (const options of [
    { onConnect: failing },
    { onHandshake: failing },
    { hostKeys: { verify: failing as never } },
    { hostKeys: { verify: async () => {}, preferredAlgorithms: failing as never } },
    { identities: [], password: failing as never },
  ]) {
    await assert.rejects(open(options), (error: unknown) => error instanceof SshError, JSON.stringify(options));
  }
  await until('the server has none of them left', () => server.connectionCount === 0);
});

test('a stream that is given is closed with the failed attempt', async () => {
  const [clientEnd, serverEnd] = duplexPair();
  serverEnd.resume();
  const server = startServer();
  void server.handle(serverEnd);
  await assert.rejects(
    connect('ada@memory', { ...clientOptions, stream: clientEnd, hostKeys: pinnedHostKeys('SHA256:x') }),
    isError('host-key-refused'),
  );
  await until('it is closed', () => clientEnd.destroyed || clientEnd.writableFinished);
  const unused = new Duplex({ read() {}, write() {} });
  const hostKeys = {
    verify: async () => {},
    preferredAlgorithms: async () => Promise.reject(new Error('no file')),
  };
  await assert.rejects(
    connect('ada@memory', { ...clientOptions, stream: unused, hostKeys }),
    isError('host-key-refused'),
  );
  assert.ok(unused.destroyed);
  await server.close();
});

test('keepalive ends the connection to a server that fell silent', async (t) => {
  const { client, pair } = await inMemory(t, {}, { keepalive: { intervalMs: 20, countMax: 2 } });
  await delay(100);
  assert.equal((await client.exec('x')).status, 0);
  // From now on nothing of the server's arrives.
  pair[0].push = () => true;
  const error = await Promise.race([client.closed, delay(2000)]);
  assert.equal((error as SshError | undefined)?.code, 'timeout');
});

test('the server is dialled while what is known of it is looked up, and nothing that it says meanwhile is lost', async (t) => {
  const { server, port } = await listening(t);
  const accepted = until('it is accepted', () => server.connectionCount > 0);
  const hosts = pinnedHostKeys(hostKey.publicKey);
  const hostKeys = {
    verify: hosts.verify.bind(hosts),
    preferredAlgorithms: async () => {
      await accepted;
      // Its identification and KEXINIT lie in our socket by now.
      await delay(50);
      return ['ssh-ed25519'];
    },
  };
  const client = await connect(`ada@127.0.0.1:${port}`, { ...clientOptions, hostKeys });
  assert.equal((await client.exec('x')).stdout.toString(), 'ran x');
  await client.close();
});

test('what is dialled is closed where the look-up fails', async (t) => {
  const seen: Socket[] = [];
  const server = createNetServer((socket) => void seen.push(socket.on('error', () => {}).resume()));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  const { port } = server.address() as { port: number };
  const hostKeys = {
    verify: async () => {},
    preferredAlgorithms: async () => {
      await until('it is accepted', () => seen.length > 0);
      throw new Error('no file');
    },
  };
  await assert.rejects(connect(`ada@127.0.0.1:${port}`, { ...clientOptions, hostKeys }), isError('host-key-refused'));
  await until('it is closed', () => seen[0]?.destroyed === true || seen[0]?.readableEnded === true);
  seen[0]?.destroy();
});
