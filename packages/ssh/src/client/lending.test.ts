/** The agent and the display that a client lends: our client and our server, with an agent and an X server played here. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { connect as connectSocket, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, type TestContext, test } from 'node:test';
import { agentSigners, createAgentClient, Keyring, serveAgent } from '../agent/index.ts';
import { authAgentOpenssh, x11 } from '../connection/index.ts';
import type { SshError } from '../errors.ts';
import { generateKey } from '../keys/index.ts';
import { formatXauthCommands, listenAgentSocket, listenX11, type ServerOptions } from '../server/index.ts';
import { allFeatures, fullPermissions } from '../trust/index.ts';
import { AgentForwarding } from './agent-forwarding.ts';
import type { ClientConnection } from './client-connection.ts';
import { inMemory, isError, until, userKey } from './live.test.kit.ts';
import { connectThroughMaster } from './mux-client.ts';
import { serveMux } from './mux-master.ts';
import type { StartOptions } from './options.ts';
import { parseDisplay } from './x11/display.ts';
import { X11Forwarding } from './x11/forwarding.ts';

const folder = mkdtempSync(join(tmpdir(), 'nacre-lending-'));
after(() => rmSync(folder, { recursive: true, force: true }));
const held = await generateKey('ssh-ed25519', { comment: 'held' });
let sockets = 0;

function listen(t: TestContext, onConnection: (socket: Socket) => void): Promise<string> {
  const path = join(folder, `socket-${++sockets}:0`);
  const server: Server = createServer(onConnection);
  t.after(() => server.close());
  return new Promise((resolve) => server.listen(path, () => resolve(path)));
}

/** An agent with one key, at a socket. */
async function startAgent(t: TestContext, hostKey?: () => Buffer) {
  const keyring = new Keyring({ now: () => 0 });
  keyring.add(held, 'held');
  const bindings: { forwarding: boolean; hostKey: Buffer }[][] = [];
  const path = await listen(t, (socket) => {
    const served = serveAgent(socket, keyring);
    socket.on('close', () => {
      bindings.push(
        served.bindings.sessions.map(({ forwarding, hostKey: key }) => ({ forwarding, hostKey: key.blob })),
      );
    });
  });
  return { keyring, path, bindings, hostKey };
}

/** A server whose program tells the variables that matter, then waits for its stdin to end. */
function lendingServer(more: Partial<ServerOptions> = {}): Partial<ServerOptions> {
  return {
    agentForwarding: (request) => listenAgentSocket(request, folder),
    exec: async (_command, { stdout, stdin, environment }) => {
      stdout.write(`${environment.get('SSH_AUTH_SOCK') ?? '-'} ${environment.get('DISPLAY') ?? '-'}\n`);
      await new Promise((resolve) => stdin.resume().once('end', resolve).once('close', resolve));
    },
    ...more,
  };
}

async function variables(client: ClientConnection, options: StartOptions) {
  const session = await client.spawn('x', options);
  session.stderr.resume();
  const [chunk] = (await once(session.stdout, 'data')) as [Buffer];
  const [agent = '', display = ''] = chunk.toString().trim().split(' ');
  return { session, agent, display };
}

test('a program on the server uses the agent here, which was told whose server it is', async (t) => {
  const agent = await startAgent(t);
  const { client, served } = await inMemory(t, lendingServer());
  const { agent: socketPath, session } = await variables(client, { agentForwarding: agent.path });
  assert.equal(statSync(socketPath).mode & 0o777, 0o600);
  assert.equal(statSync(dirname(socketPath)).mode & 0o777, 0o700);
  const remote = createAgentClient(connectSocket(socketPath));
  const [signer] = await agentSigners(remote);
  const signature = await signer?.sign(Buffer.from('data'), 'ssh-ed25519');
  assert.ok(held.publicKey.verify(Buffer.from('data'), signature ?? Buffer.alloc(0), 'ssh-ed25519'));
  remote.close();
  await until('the agent is left', () => agent.bindings.length === 1);
  assert.deepEqual(agent.bindings, [[{ forwarding: true, hostKey: client.hostKey.blob }]]);

  // A second session shares the socket; both are gone with the connection.
  const second = await variables(client, { agentForwarding: agent.path });
  assert.equal(second.agent, socketPath);
  session.close();
  await served.close();
  await until('the socket is gone', () => statSync(dirname(socketPath), { throwIfNoEntry: false }) === undefined);
});

test('over a shared connection the agent is the master’s, where it lends one, and bound to its connection', async (t) => {
  const agent = await startAgent(t);
  const { client } = await inMemory(t, lendingServer());
  await using master = await serveMux(client, join(folder, 'control'));
  const through = await connectThroughMaster(master.path);
  t.after(() => through.close());
  const { agent: socketPath } = await variables(through, { agentForwarding: join(folder, 'a client’s own') });
  const refused = createAgentClient(connectSocket(socketPath));
  await assert.rejects(refused.list(), isError('agent-unavailable'));
  client.lendAgent(agent.path);
  const remote = createAgentClient(connectSocket(socketPath));
  assert.equal((await remote.list()).length, 1);
  remote.close();
  await until('the agent is left', () => agent.bindings.length === 1);
  assert.deepEqual(agent.bindings, [[{ forwarding: true, hostKey: client.hostKey.blob }]]);
});

test('a stream of the caller serves as an agent, and one that cannot be reached leaves the session alone', async (t) => {
  const agent = await startAgent(t);
  const { client } = await inMemory(t, lendingServer());
  const { agent: socketPath } = await variables(client, { agentForwarding: () => connectSocket(agent.path) });
  const remote = createAgentClient(connectSocket(socketPath));
  assert.equal((await remote.list()).length, 1);
  remote.close();
  const other = await inMemory(t, lendingServer());
  const { agent: deadEnd } = await variables(other.client, { agentForwarding: join(folder, 'nobody') });
  const lost = createAgentClient(connectSocket(deadEnd));
  await assert.rejects(lost.list(), isError('agent-unavailable'));
  assert.equal(other.client.connection.ended, undefined);
});

test('a server that reaches for an agent or a display it was not lent is refused', async (t) => {
  const { client, served } = await inMemory(t, lendingServer());
  for (const [type, data] of [
    [authAgentOpenssh.name, Buffer.alloc(0)],
    ['agent-connect', Buffer.alloc(0)],
    [x11.name, x11.data.encode({ originatorAddress: '127.0.0.1', originatorPort: 1 })],
  ] as const) {
    await assert.rejects(served.connection.openChannel(type, data), isError('channel-open-refused', 'channel'));
  }
  assert.equal(client.connection.ended, undefined);
});

test('where the server or the login forbids it, the program runs without, and the caller is told', async (t) => {
  const agent = await startAgent(t);
  const allow = { ...allFeatures(true), 'agent-forwarding': false, 'X11-forwarding': false };
  const forbidden = { authenticate: { publicKey: async () => ({ ...fullPermissions, allow }) } };
  const expected = ['agent request-refused', 'x11 request-refused'];
  const without = { agentForwarding: undefined as never };
  for (const options of [
    without,
    { ...forbidden, x11Forwarding: () => assert.fail('asked'), agentForwarding: () => assert.fail('asked') },
  ]) {
    const { client, served } = await inMemory(t, lendingServer(options));
    const failures: string[] = [];
    const display = join(folder, 'nobody:0');
    const found = await variables(client, {
      agentForwarding: agent.path,
      x11: { display, trusted: true, xauthPath: '/nonexistent' },
      onForwardingFailure: (what, error: SshError) => void failures.push(`${what} ${error.code}`),
    });
    assert.deepEqual([found.agent, found.display], ['-', '-']);
    assert.deepEqual(failures.sort(), expected);
    await assert.rejects(served.connection.openChannel(authAgentOpenssh.name, Buffer.alloc(0)));
  }
});

test('one connection lends one agent', async (t) => {
  const [one, two] = [await startAgent(t), await startAgent(t)];
  const { client } = await inMemory(t, lendingServer());
  await variables(client, { agentForwarding: one.path });
  const failures: string[] = [];
  await variables(client, {
    agentForwarding: two.path,
    onForwardingFailure: (_what, error) => void failures.push(error.code),
  });
  assert.deepEqual(failures, ['misuse']);
});

test('the request goes by its standard name where the server knows that (RFC 9987)', async () => {
  for (const [known, expected] of [
    [true, 'agent-req'],
    [false, 'auth-agent-req@openssh.com'],
  ] as const) {
    const asked: string[] = [];
    const forwarding = new AgentForwarding({
      binding: () => assert.fail('nothing is bound yet'),
      hasExtension: (name) => known && name === 'agent-forward',
      log: () => {},
    });
    const request = async (name: string) => asked.push(name) > 0;
    await forwarding.request({ channel: { request } } as never, true);
    assert.deepEqual(asked, [expected]);
  }
});

test('our own login binds the agent to the server before it asks for anything', async (t) => {
  const agent = await startAgent(t);
  agent.keyring.add(userKey, 'user');
  const { client } = await inMemory(t, {}, { identities: undefined as never, agent: agent.path });
  await until('the agent is left', () => agent.bindings.length === 1);
  assert.deepEqual(agent.bindings, [[{ forwarding: false, hostKey: client.hostKey.blob }]]);
});

/** The whole first message with a cookie of 16 bytes. */
const setupBytes = 48;

/** An X server that keeps the first message of each connection and answers with it. */
async function startDisplay(t: TestContext) {
  const setups: Buffer[] = [];
  const path = await listen(t, (socket) => {
    socket.on('error', () => {});
    let waiting = Buffer.alloc(0);
    let isOpen = false;
    socket.on('data', (chunk) => {
      waiting = Buffer.concat([waiting, chunk]);
      if (!isOpen && waiting.length >= setupBytes) {
        isOpen = true;
        setups.push(waiting.subarray(0, setupBytes));
        waiting = waiting.subarray(setupBytes);
        socket.write(`welcome ${setupBytes}`);
      }
      if (!isOpen) return;
      socket.write(waiting);
      waiting = Buffer.alloc(0);
    });
    socket.on('end', () => socket.end());
  });
  return { path, setups };
}

/** The first message of a program with this cookie, little-endian. */
function setup(protocol: string, cookie: Buffer): Buffer {
  const head = Buffer.alloc(12);
  head.write('l');
  head.writeUInt16LE(protocol.length, 6);
  head.writeUInt16LE(cookie.length, 8);
  return Buffer.concat([head, Buffer.from(protocol.padEnd((protocol.length + 3) & ~3, '\0')), cookie]);
}

interface Offered {
  authCookie: string;
  commands: string;
}

function displayServer(offered: Offered[]): Partial<ServerOptions> {
  return lendingServer({
    x11Forwarding: async (request) => {
      const display = await listenX11(request, { displayOffset: 300 + Math.floor(Math.random() * 500) });
      if (display) {
        offered.push({ authCookie: request.authCookie, commands: formatXauthCommands(request, display) });
      }
      return display;
    },
  });
}

/** What comes back before the connection ends, or all that was waited for. */
async function talk(display: string, bytes: Buffer, expected: number): Promise<string> {
  const { address } = parseDisplay(display);
  const socket = connectSocket(address as { host: string; port: number });
  socket.on('error', () => {});
  socket.write(bytes);
  let text = '';
  socket.on('data', (chunk) => {
    text += chunk.toString('latin1');
    if (text.length >= expected) socket.end();
  });
  await new Promise((resolve) => socket.once('close', resolve));
  return text;
}

const x11Options = (path: string) => ({ display: `${path}.1`, trusted: true, xauthPath: '/nonexistent' });

test('a program on the server shows itself here: the fake cookie is exchanged, another one is cut off', async (t) => {
  const display = await startDisplay(t);
  const offered: Offered[] = [];
  const { client } = await inMemory(t, displayServer(offered));
  const found = await variables(client, { x11: x11Options(display.path) });
  assert.match(found.display, /^localhost:[0-9]+\.1$/);
  const cookie = Buffer.from(offered[0]?.authCookie ?? '', 'hex');
  const name = found.display.replace('localhost', 'unix');
  assert.equal(offered[0]?.commands, `remove ${name}\nadd ${name} MIT-MAGIC-COOKIE-1 ${cookie.toString('hex')}\n`);
  const first = setup('MIT-MAGIC-COOKIE-1', cookie);
  assert.equal(await talk(found.display, Buffer.concat([first, Buffer.from('draw')]), 14), 'welcome 48draw');
  const [message = Buffer.alloc(0)] = display.setups;
  assert.equal(message.length, first.length);
  assert.deepEqual(message.subarray(0, 32), first.subarray(0, 32));
  assert.notDeepEqual(message.subarray(32), cookie);
  assert.equal(await talk(found.display, setup('MIT-MAGIC-COOKIE-1', Buffer.alloc(16, 1)), 1), '');
  assert.equal(await talk(found.display, Buffer.from('GET / HTTP/1.0\r\n\r\n'), 1), '');
  assert.equal(display.setups.length, 1);
  // The display goes with its session.
  found.session.close();
  await found.session.channel.closed;
  assert.equal(await talk(found.display, first, 1), '');
});

test('a single connection is one, on both sides', async (t) => {
  const display = await startDisplay(t);
  const offered: Offered[] = [];
  const { client, served } = await inMemory(t, displayServer(offered));
  const found = await variables(client, { x11: { ...x11Options(display.path), singleConnection: true } });
  const first = setup('MIT-MAGIC-COOKIE-1', Buffer.from(offered[0]?.authCookie ?? '', 'hex'));
  assert.equal(await talk(found.display, first, 10), 'welcome 48');
  assert.equal(await talk(found.display, first, 1), '');
  const data = x11.data.encode({ originatorAddress: '127.0.0.1', originatorPort: 1 });
  await assert.rejects(served.connection.openChannel(x11.name, data), isError('channel-open-refused'));
});

test('cookies that xauth could take for commands never reach the hook', async (t) => {
  const { client } = await inMemory(t, lendingServer({ x11Forwarding: () => assert.fail('the hook was asked') }));
  const channel = await client.connection.openChannel('session', Buffer.alloc(0));
  const { x11Req } = await import('../connection/index.ts');
  for (const [authProtocol, authCookie] of [
    ['MIT-MAGIC-COOKIE-1', '00\nquit'],
    ['MIT MAGIC', '00'],
    ['', '00'],
    ['M', ''],
    ['M', 'a'.repeat(513)],
    ['M;id', '00'],
  ] as const) {
    const data = x11Req.data.encode({ singleConnection: false, authProtocol, authCookie, screen: 0 });
    assert.equal(await channel.request(x11Req.name, data), false);
  }
});

test('ForwardX11Timeout refuses late connections of untrusted programs, and of those only', async (t) => {
  const xauth = join(folder, 'xauth');
  const { writeFileSync } = await import('node:fs');
  writeFileSync(
    xauth,
    '#!/bin/sh\n[ "$3" = list ] && echo "x MIT-MAGIC-COOKIE-1 00112233445566778899aabbccddeeff"\nexit 0\n',
    {
      mode: 0o700,
    },
  );
  const display = await startDisplay(t);
  for (const [trusted, timeoutSeconds, isLate] of [
    [false, 60, true],
    [false, 0, false],
    [true, 60, false],
  ] as const) {
    let nowMs = 0;
    const clock = { now: () => nowMs, setTimer: () => () => {} };
    const said: string[] = [];
    const forwarding = new X11Forwarding({ clock, log: (_level, text) => void said.push(text), offersDisplay() {} });
    const options = { display: display.path, trusted, timeoutSeconds, xauthPath: xauth };
    const prepared = await forwarding.prepare(options);
    await forwarding.request({ channel: { request: async () => true } } as never, prepared, options);
    const open = async () => {
      let verdict = 'nothing';
      await forwarding.channelHandlers.get('x11')?.({
        type: 'x11',
        data: x11.data.encode({ originatorAddress: '127.0.0.1', originatorPort: 1 }),
        accept: () => {
          verdict = 'accepted';
          throw new Error('enough');
        },
        refuse: (_reason: number, text: string) => {
          verdict = text;
        },
      } as never);
      return verdict;
    };
    nowMs = 59_999;
    assert.equal(await open(), 'accepted');
    nowMs = 60_000;
    assert.equal(await open(), isLate ? 'ForwardX11Timeout has expired' : 'accepted');
    await assert.rejects(forwarding.prepare({ ...options, display: ':99' }), isError('misuse'));
    await assert.rejects(forwarding.prepare({ ...options, trusted: !trusted }), isError('misuse'));
  }
});

test('without a display, or with one that is none, the program runs and the caller is told', async (t) => {
  const { client } = await inMemory(t, lendingServer());
  for (const display of ['', ':0\nadd', 'nonsense']) {
    const failures: string[] = [];
    const { session } = await variables(client, {
      x11: { display },
      onForwardingFailure: (what, error) => void failures.push(`${what} ${error.code}`),
    });
    session.close();
    assert.deepEqual(failures, ['x11 misuse']);
  }
});
