/** Agents and displays lent over SSH: Debian's ssh to our server library, our client to Debian's sshd, limited keys over two hops. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { connect as connectSocket, createServer as createNetServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { before, describe, type TestContext, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { type ClientConnection, connect, pinnedHostKeys, type StartOptions } from '@nacre/ssh/client';
import { parsePrivateKey, parsePublicKey } from '@nacre/ssh/keys';
import {
  createServer,
  formatXauthCommands,
  listenAgentSocket,
  listenOnSocket,
  listenX11,
  type Program,
  type ServerOptions,
} from '@nacre/ssh/server';
import {
  clientOptions,
  freePort,
  hostKey,
  type KeyPair,
  makeFolder,
  makeKey,
  missing,
  nacreProgram,
  openSshProgram,
  requireSuccess,
  runProgram,
  startAgent,
  startOpenSshServer,
  startProgram,
  type TestServer,
  userKey,
  writeKnownHosts,
} from '../harness/index.ts';

const skip = missing('ssh', 'sshd', 'ssh-add', 'ssh-agent', 'ssh-keygen');
const skipX11 = skip === false ? missing('xauth') : skip;
const skip10 = missing('openssh-10');
const folder = makeFolder('lent');
let made = 0;
const newPath = (name: string) => join(folder, `${name}-${++made}`);

/** Our server library with real programs behind it, as a sshd would use it. */
async function startLibraryServer(t: TestContext, more: Partial<ServerOptions> = {}): Promise<TestServer> {
  const [key, user] = [await hostKey('ed25519'), await userKey()];
  const allowed = parsePublicKey(user.publicLine).key;
  const run: Program<string> = (command, { stdin, stdout, stderr, environment }) => {
    const child = spawn('/bin/sh', ['-c', command], {
      env: { ...process.env, SSH_AUTH_SOCK: undefined, DISPLAY: undefined, ...Object.fromEntries(environment) },
    });
    stdin.pipe(child.stdin);
    child.stdin.on('error', () => {});
    child.stdout.pipe(stdout, { end: false });
    child.stderr.pipe(stderr, { end: false });
    return once(child, 'close').then(([status]) => Number(status ?? 1));
  };
  const server = createServer({
    hostKeys: [await parsePrivateKey(readFileSync(key.file))],
    authenticate: { publicKey: async (request) => request.key.equals(allowed) },
    exec: run,
    ...more,
  });
  t.after(() => server.close());
  const { port } = await server.listen(0);
  return {
    host: '127.0.0.1',
    port,
    user: 'ada',
    identity: user,
    hostKeys: [key],
    knownHostsFile: writeKnownHosts(makeFolder('lent'), port, [key]),
    pid: undefined,
    log: () => '',
    waitForLog: () => Promise.reject(new Error('no log')),
    stop: () => server.close(),
  };
}

async function connectTo(t: TestContext, server: TestServer, options: object = {}): Promise<ClientConnection> {
  const known = server.hostKeys.map(({ publicLine }) => parsePublicKey(publicLine).key);
  const client = await connect(`${server.user}@127.0.0.1:${server.port}`, {
    hostKeys: pinnedHostKeys(...known),
    identities: [server.identity.file],
    ...options,
  });
  t.after(() => client.close());
  return client;
}

describe('agent', { skip }, () => {
  for (const [name, program] of [
    ["Debian's agent", () => openSshProgram('ssh-agent')],
    ['our agent', () => nacreProgram('ssh-agent')],
  ] as const) {
    test(`Debian's ssh -A lends ${name} to a program of our server`, async (t) => {
      const socket = await startAgent(program());
      const key = await makeKey({ comment: 'lent key' });
      await requireSuccess(['ssh-add', '-q', key.file], { env: { SSH_AUTH_SOCK: socket } });
      const server = await startLibraryServer(t, {
        agentForwarding: (request) => listenAgentSocket(request, tmpdir()),
      });
      const ask = (...flags: string[]) =>
        runProgram(['ssh', ...clientOptions(server), ...flags, server.host, 'ssh-add -l; echo $SSH_AUTH_SOCK'], {
          env: { SSH_AUTH_SOCK: socket },
        });
      const lent = await ask('-A');
      assert.match(
        String(lent.stdout),
        new RegExp(`${key.fingerprint.replace(/[+/]/g, '\\$&')} lent key`),
        lent.stderr,
      );
      const path = String(lent.stdout).trim().split('\n').at(-1) ?? '';
      assert.match(path, /\/ssh-\w+\/agent\.\d+$/);
      assert.equal(existsSync(path), false);
      assert.doesNotMatch(String((await ask('-a')).stdout), /SHA256/);
    });

    test(`our client lends ${name} to a program of Debian's sshd`, async (t) => {
      const socket = await startAgent(program());
      const key = await makeKey({ comment: 'lent key' });
      await requireSuccess(['ssh-add', '-q', key.file], { env: { SSH_AUTH_SOCK: socket } });
      const server = await startOpenSshServer();
      t.after(() => server.stop());
      const client = await connectTo(t, server);
      const lent = await client.exec('ssh-add -l', { agentForwarding: socket });
      assert.match(lent.stdout, /lent key/, lent.stderr);
      // Sixty-four requests at once, over connections of their own.
      const many = await client.exec('for i in 1 2 3 4 5 6 7 8; do ssh-add -L & done; wait', {
        agentForwarding: socket,
      });
      assert.equal(many.stdout.split('lent key').length, 9);
    });
  }

  test('where sshd does not allow it, the program runs and the caller is told', async (t) => {
    const server = await startOpenSshServer({ config: ['AllowAgentForwarding no', 'X11Forwarding no'] });
    t.after(() => server.stop());
    const failures: string[] = [];
    const client = await connectTo(t, server);
    const result = await client.exec('echo "agent:$SSH_AUTH_SOCK display:$DISPLAY"', {
      agentForwarding: newPath('nobody'),
      x11: { display: ':99', trusted: true },
      onForwardingFailure: (what, error) => void failures.push(`${what} ${error.code}`),
    });
    assert.equal(result.stdout, 'agent: display:\n');
    assert.deepEqual(failures.sort(), ['agent request-refused', 'x11 request-refused']);
  });
});

describe('limited keys over two hops', { skip }, () => {
  let key: KeyPair;
  let hopA: TestServer;
  let hopB: TestServer;
  const knownHosts = newPath('known_hosts');

  before(async () => {
    key = await makeKey({ comment: 'limited' });
    hopA = await startOpenSshServer({ identity: key, hostKeyTypes: ['ed25519'] });
    hopB = await startOpenSshServer({ identity: key, hostKeyTypes: ['ecdsa-256'] });
    const line = (name: string, { hostKeys }: TestServer) =>
      `${name} ${hostKeys[0]?.publicLine.split(' ').slice(0, 2).join(' ')}`;
    writeFileSync(knownHosts, `${line('hopa', hopA)}\n${line('hopb', hopB)}\n`);
  });

  for (const [name, program] of [
    ["Debian's agent", () => openSshProgram('ssh-agent')],
    ['our agent', () => nacreProgram('ssh-agent')],
  ] as const) {
    for (const [limits, expected] of [
      [['hopa', 'hopa>hopb'], 'reached B'],
      [['hopa'], 'refused'],
      [['hopb'], 'no login'],
    ] as const) {
      test(`${name}, a key for ${limits.join(' and ')}: our client, then Debian's ssh: ${expected}`, async (t) => {
        const socket = await startAgent(program());
        const flags = limits.flatMap((limit) => ['-h', limit]);
        await requireSuccess(['ssh-add', '-q', '-H', knownHosts, ...flags, key.file], {
          env: { SSH_AUTH_SOCK: socket },
        });
        const onward = [
          'ssh -F /dev/null -o IdentityFile=none -o BatchMode=yes -o HostKeyAlias=hopb -o StrictHostKeyChecking=yes',
          `-o GlobalKnownHostsFile=/dev/null -o UserKnownHostsFile=${knownHosts} -p ${hopB.port} ${hopB.user}@127.0.0.1`,
          'echo reached B',
        ].join(' ');
        const attempt = async (): Promise<string> => {
          const client = await connectTo(t, hopA, { identities: [], agent: socket });
          const { stdout } = await client.exec(onward, { agentForwarding: socket });
          return stdout.trim() === '' ? 'refused' : stdout.trim();
        };
        assert.equal(await attempt().catch(() => 'no login'), expected);
      });
    }
  }
});

describe('sockets', { skip }, () => {
  test("Debian's ssh -R with a Unix socket at our server", async (t) => {
    const server = await startLibraryServer(t, { listenUnix: (request) => listenOnSocket(request) });
    const target = await freePort();
    const echo = createNetServer({ allowHalfOpen: true }, (socket) => void socket.pipe(socket));
    t.after(() => echo.close());
    await new Promise<void>((resolve) => echo.listen(target, '127.0.0.1', resolve));
    const path = newPath('remote');
    const running = startProgram([
      'ssh',
      ...clientOptions(server, ['ExitOnForwardFailure=yes']),
      ...['-v', '-N', '-R', `${path}:127.0.0.1:${target}`, server.host],
    ]);
    await running.waitForLog(/remote forward success|All remote forwarding requests processed/);
    const socket = connectSocket(path);
    socket.end('through');
    let text = '';
    for await (const chunk of socket) text += String(chunk);
    assert.equal(text, 'through');
    await running.stop();
    for (let round = 0; round < 100 && existsSync(path); round++) await delay(20);
    assert.equal(existsSync(path), false);
  });
});

test('keys typed at OpenSSH 10 arrive, and fake ones go on after them', { skip: skip10 }, async (t) => {
  const server = await startOpenSshServer({ version: '10.0' });
  t.after(() => server.stop());
  const client = await connectTo(t, server);
  const pty = { term: 'dumb', columns: 80, rows: 24 };
  const session = await client.spawn('stty -echo; echo ready; cat', { pty, obscureKeystrokes: true });
  session.stderr.resume();
  let shown = '';
  session.stdout.on('data', (chunk) => {
    shown += String(chunk);
  });
  const see = async (text: string) => {
    for (let round = 0; round < 250 && !shown.includes(text); round++) await delay(20);
    assert.ok(shown.includes(text), shown);
  };
  await see('ready');
  for (const key of 'hidden\n') {
    session.stdin.write(key);
    await delay(7);
  }
  await see('hidden');
  const { sentBytes } = client.traffic;
  await delay(400);
  const packets = (client.traffic.sentBytes - sentBytes) / 36;
  assert.ok(packets >= 8 && packets <= 30, `${packets} packets of a key's size`);
  session.close();
});

/** An X server that only knows its cookie: it says who came with which, lets the right one in and says its name. */
async function startDisplay(
  t: TestContext,
): Promise<{ path: string; seen: string[]; cookie: string; authority: string }> {
  const path = `${newPath('screen')}:0`;
  const cookie = '0123456789abcdef0123456789abcdef';
  const seen: string[] = [];
  const server = createNetServer((socket: Socket) => {
    socket.on('error', () => {});
    let message = Buffer.alloc(0);
    socket.on('data', (chunk) => {
      message = Buffer.concat([message, chunk]);
      if (message.length < 48) return;
      seen.push(message.subarray(32, 48).toString('hex'));
      // "Failed", with a reason: what X programs print, so that a test sees that it came from here.
      const reason = Buffer.from('no screen here, but hello.  ');
      const head = Buffer.from([0, reason.length, 11, 0, 0, 0, reason.length / 4, 0]);
      socket.end(Buffer.concat([head, reason]));
    });
  });
  t.after(() => server.close());
  await new Promise<void>((resolve) => server.listen(path, resolve));
  const authority = newPath('Xauthority');
  return { path, seen, cookie, authority };
}

/** xauth for displays that real ones do not know: this display's cookie, and nothing else. */
function scriptedXauth(cookie: string): string {
  const program = newPath('xauth');
  const answer = `case "$*" in *list*) echo "x MIT-MAGIC-COOKIE-1 ${cookie}";; esac`;
  writeFileSync(program, `#!/bin/sh\n${answer}\n`, { mode: 0o755 });
  return program;
}

describe('X11', { skip: skipX11 }, () => {
  // xdpyinfo where it is installed; otherwise the first message is written by hand.
  const client = missing('xdpyinfo') === false ? 'xdpyinfo 2>&1' : undefined;

  for (const trusted of [true, false]) {
    test(`our client lends a display to programs of Debian's sshd, ${trusted ? '' : 'un'}trusted`, async (t) => {
      if (client === undefined) return t.skip('xdpyinfo is not installed');
      const display = await startDisplay(t);
      const server = await startOpenSshServer({
        config: ['X11Forwarding yes', 'X11DisplayOffset 50', `XAuthLocation ${privateXauth(display.authority)}`],
      });
      t.after(() => server.stop());
      const connection = await connectTo(t, server);
      const x11: StartOptions['x11'] = { display: display.path, trusted, xauthPath: scriptedXauth(display.cookie) };
      const failures: string[] = [];
      const result = await connection.exec(`echo $DISPLAY; XAUTHORITY=${display.authority} ${client}`, {
        x11,
        onForwardingFailure: (_what, error) => void failures.push(error.message),
      });
      assert.deepEqual(failures, []);
      assert.match(result.stdout, /^localhost:\d+\.0\n/);
      assert.match(result.stdout, /no screen here, but hello/);
      assert.deepEqual(display.seen, [display.cookie]);
      const liar = await connection.exec(`echo $DISPLAY; XAUTHORITY=/dev/null ${client}`, { x11 });
      assert.doesNotMatch(liar.stdout, /hello/);
      assert.equal(display.seen.length, 1);
    });
  }

  for (const flag of ['-Y', '-X']) {
    test(`Debian's ssh ${flag} lends its display to a program of our server`, async (t) => {
      if (client === undefined) return t.skip('xdpyinfo is not installed');
      // A display that ssh can name: TCP on this machine.
      const number = 700 + Math.floor(Math.random() * 200);
      const display = await startDisplay(t);
      const relay = createNetServer((socket) => void socket.pipe(connectSocket(display.path)).pipe(socket));
      t.after(() => relay.close());
      await new Promise<void>((resolve) => relay.listen(6000 + number, '127.0.0.1', resolve));
      const remoteAuthority = newPath('remote-Xauthority');
      const server = await startLibraryServer(t, {
        x11Forwarding: async (request) => {
          const listening = await listenX11(request, { displayOffset: number + 1 });
          if (listening === undefined) return undefined;
          const commands = formatXauthCommands(request, listening);
          await requireSuccess(['xauth', '-q', '-f', remoteAuthority, '-'], { input: commands });
          return listening;
        },
      });
      const options = [`XAuthLocation=${scriptedXauth(display.cookie)}`, 'ForwardX11Timeout=1m'];
      const argv = ['ssh', ...clientOptions(server, options), flag, server.host];
      const env = { DISPLAY: `127.0.0.1:${number}` };
      const result = await runProgram([...argv, `echo $DISPLAY; XAUTHORITY=${remoteAuthority} ${client}`], { env });
      assert.match(String(result.stdout), /^localhost:\d+\.0\n/, result.stderr);
      assert.match(String(result.stdout), /no screen here, but hello/, result.stderr);
      assert.deepEqual(display.seen, [display.cookie]);
      const plain = await runProgram([...argv.filter((arg) => arg !== flag), '-x', 'echo "d:$DISPLAY"'], { env });
      assert.match(String(plain.stdout) + plain.stderr, /d:\n|usage/);
    });
  }
});

/** An xauth for sshd that keeps its cookies in a file of ours, and not in the home folder of whom it serves. */
function privateXauth(authority: string): string {
  const program = newPath('xauth');
  writeFileSync(program, `#!/bin/sh\nexec xauth -f ${authority} "$@"\n`, { mode: 0o755 });
  return program;
}
