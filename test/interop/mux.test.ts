/** Shared connections: OpenSSH's masters and our client, our master and OpenSSH's clients. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { existsSync, statSync } from 'node:fs';
import { type AddressInfo, connect as connectTcp, createServer } from 'node:net';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import {
  type ClientConnection,
  connect,
  connectMux,
  connectThroughMaster,
  forwardLocal,
  type MuxMaster,
  type MuxPolicy,
  openSftp,
  pinnedHostKeys,
  serveMux,
} from '@nacre/ssh/client';
import { SshError } from '@nacre/ssh/errors';
import { parsePublicKey } from '@nacre/ssh/keys';
import {
  freePort,
  hostKey,
  makeFolder,
  missing,
  type OpenSshVersion,
  type ProgramResult,
  runSsh,
  sshCommand,
  startOpenSshServer,
  startProgram,
  type TestServer,
  userKey,
} from '../harness/index.ts';

const versions = [
  ['9.2', missing('ssh', 'sshd')],
  ['10.0', missing('ssh', 'sshd', 'openssh-10')],
] as const;
const payload = randomBytes(20 * 1024 * 1024);
let server: Promise<TestServer> | undefined;

for (const [version, skip] of versions) {
  test(`OpenSSH ${version}'s master carries our commands, bulk and sftp`, { skip }, async (t) => {
    const path = await startOpenSshMaster(t, version);
    const through = await connectThroughMaster(path);
    t.after(() => through.close());
    const { stdout, status } = await through.exec('echo hello; exit 3');
    assert.deepEqual([stdout, status], ['hello\n', 3]);

    const many = await Promise.all(
      Array.from({ length: 100 }, async (_, index) => (await through.exec(`echo ${index}`)).stdout),
    );
    assert.deepEqual(
      many,
      Array.from({ length: 100 }, (_, index) => `${index}\n`),
    );

    const copy = await through.exec('cat', { input: payload, encoding: 'buffer', maxOutputBytes: 2 * payload.length });
    assert.ok(copy.stdout.equals(payload), '20 MiB come back as they went');

    await using sftp = await openSftp(through);
    assert.equal((await sftp.realpath('/')).text, '/');
  });

  test(`OpenSSH ${version}'s master: a session that is not read stops nobody`, { skip }, async (t) => {
    const path = await startOpenSshMaster(t, version);
    const through = await connectThroughMaster(path);
    t.after(() => through.close());
    await assertSlowStopsNobody(through);
  });

  test(`OpenSSH ${version}'s master does what our client asks`, { skip }, async (t) => {
    const path = await startOpenSshMaster(t, version);
    const master = await connectMux(path);
    t.after(() => master.close());
    assert.ok((await master.aliveCheck()) > 1);
    await assertForwards(
      t,
      (forward) => master.openForward(forward),
      (forward) => master.closeForward(forward),
    );
    await assert.rejects(master.describe('connection'), isSshError('unsupported'));
    await master.terminate();
    await until('the master removes its socket', () => !existsSync(path));
  });

  test(`OpenSSH ${version}'s master: forwards of a connection through it`, { skip }, async (t) => {
    const path = await startOpenSshMaster(t, version);
    const through = await connectThroughMaster(path);
    t.after(() => through.close());
    const echo = await startEcho(t);
    await using forward = await forwardLocal(through, {
      listen: { kind: 'tcp', host: '127.0.0.1', port: 0 },
      target: { kind: 'tcp', host: '127.0.0.1', port: echo },
    });
    const { listen } = forward;
    assert.equal(await say(listen.kind === 'tcp' ? listen.port : 0, 'there'), 'there');

    const port = await freePort();
    await using remote = await through.listen('127.0.0.1', port, (stream) => void stream.pipe(stream));
    // Nobody tells when the server has begun to listen.
    await until('the server listens', () => answers(port));
    await assert.rejects(
      through.listen('127.0.0.1', 0, () => {}),
      isSshError('request-refused'),
    );
    await remote.close();
    // A request that this master would end us for is never sent.
    assert.equal(await through.connection.globalRequest('keepalive@openssh.com'), undefined);
    assert.equal((await through.exec('echo alive')).stdout, 'alive\n');
  });

  test(`our master and ssh ${version} -O check, conninfo, forward, cancel, stop, exit`, { skip }, async (t) => {
    const { path, connection, master } = await startOurMaster(t);
    assert.equal(statSync(path).mode & 0o777, 0o600);
    const check = await control(version, path, 'check');
    assert.deepEqual([check.status, check.stderr], [0, `Master running (pid=${process.pid})\r\n`]);

    const echo = await startEcho(t);
    const port = await freePort();
    const local = ['-L', `${port}:127.0.0.1:${echo}`];
    assert.equal((await control(version, path, 'forward', local)).status, 0);
    assert.equal(await say(port, 'through the master'), 'through the master');
    assert.equal((await control(version, path, 'forward', local)).status, 0, 'a second time it is there already');
    assert.equal((await control(version, path, 'cancel', local)).status, 0);
    await assert.rejects(say(port, 'x'));
    assert.match((await control(version, path, 'cancel', local)).stderr, /port not forwarded/);

    const chosen = await control(version, path, 'forward', ['-R', `0:127.0.0.1:${echo}`]);
    assert.equal(await say(Number(chosen.stdout), 'from there'), 'from there');
    assert.equal((await control(version, path, 'cancel', ['-R', `0:127.0.0.1:${echo}`])).status, 0);
    assert.equal((await control(version, path, 'forward', ['-D', String(await freePort())])).status, 0);
    const taken = await control(version, path, 'forward', ['-L', `127.0.0.1:${echo}:127.0.0.1:1`]);
    assert.match(taken.stderr, /Port forwarding failed/);

    const stop = await control(version, path, 'stop');
    assert.match(stop.stderr, /Stop listening request sent/);
    assert.equal(master.isListening, false);
    assert.ok(!existsSync(path));
    assert.equal((await connection.exec('echo still')).stdout, 'still\n');
  });

  test(`our master and ssh ${version} -O exit`, { skip }, async (t) => {
    const { path, connection } = await startOurMaster(t);
    const exit = await control(version, path, 'exit');
    assert.deepEqual([exit.status, exit.stderr], [0, 'Exit request sent.\r\n']);
    assert.equal(await connection.closed, undefined);
    assert.ok(!existsSync(path));
  });

  test(`our master serves ssh ${version} -O proxy: commands, bulk, forwards, a hundred sessions`, {
    skip,
  }, async (t) => {
    const { path, connection, master } = await startOurMaster(t);
    const result = await proxied(version, path, ['echo hello; echo oops >&2; exit 5']);
    assert.deepEqual([String(result.stdout), result.stderr, result.status], ['hello\n', 'oops\n', 5]);

    const copy = await proxied(version, path, ['cat'], { input: payload });
    assert.ok(copy.stdout.equals(payload), '20 MiB come back as they went');

    for (let round = 0; round < 10; round++) {
      const ten = await Promise.all(
        Array.from({ length: 10 }, (_, index) => proxied(version, path, [`echo ${round}${index}`])),
      );
      assert.deepEqual(
        ten.map(({ stdout }) => String(stdout)),
        Array.from({ length: 10 }, (_, index) => `${round}${index}\n`),
      );
    }
    const echo = await startEcho(t);
    const [local, remote] = [await freePort(), await freePort()];
    const tunnels = startProgram(
      sshCommand(await sharedServer(), [], {
        version,
        flags: [
          '-S',
          path,
          '-O',
          'proxy',
          '-N',
          '-L',
          `${local}:127.0.0.1:${echo}`,
          '-R',
          `${remote}:127.0.0.1:${echo}`,
        ],
      }),
      { env: { SSH_AUTH_SOCK: undefined } },
    );
    await until('both tunnels work', async () => (await answers(local)) && (await answers(remote)));
    await tunnels.stop();
    await until('its channels are closed', () => connection.connection.channelCount === 0 && master.clientCount === 0);
    assert.equal(await answers(remote), false);
    assert.equal((await connection.exec('echo still')).stdout, 'still\n');
  });

  test(`a session of ssh ${version} that cannot be taken over makes its own connection`, { skip }, async (t) => {
    const { path } = await startOurMaster(t);
    const result = await runSsh(await sharedServer(), ['echo by itself'], { version, flags: ['-S', path] });
    assert.deepEqual([String(result.stdout), result.status], ['by itself\n', 0]);
    assert.match(result.stderr, /session request failed: this master cannot take over standard streams/);
  });

  test(`our master asks, and ssh ${version} is refused`, { skip }, async (t) => {
    const asked: string[] = [];
    const { path } = await startOurMaster(t, {
      confirm: (question) => {
        asked.push(question.action);
        return false;
      },
    });
    assert.match(
      (await control(version, path, 'exit')).stderr,
      /Master refused termination request: Permission denied/,
    );
    assert.match((await control(version, path, 'stop')).stderr, /Permission denied/);
    assert.match((await control(version, path, 'forward', ['-L', '1234:a:1'])).stderr, /Permission denied/);
    assert.match((await proxied(version, path, ['true'])).stderr, /master returned error: Permission denied/);
    assert.deepEqual(asked, ['terminate', 'stop', 'open-forward', 'proxy']);
  });
}

const ours = missing('sshd');

test('our master and our client: everything, and information', { skip: ours }, async (t) => {
  const { path, connection } = await startOurMaster(t);
  const through = await connectThroughMaster(path);
  t.after(() => through.close());
  assert.equal((await through.exec('echo hello')).stdout, 'hello\n');
  await using chosen = await through.listen('127.0.0.1', 0, (stream) => void stream.pipe(stream));
  assert.equal(await say(chosen.port, 'port chosen'), 'port chosen');
  await assertSlowStopsNobody(through);

  await using master = await connectMux(path);
  assert.equal(await master.aliveCheck(), process.pid);
  assert.match(await master.describe('connection'), /^Connection information for 127\.0\.0\.1 pid \d+\r\n/);
  const session = await through.spawn('cat');
  assert.match(await master.describe('channels'), /mux-proxy/);
  // Gone without a word: only its own channels are closed.
  await through.close();
  await assert.rejects(session.exit);
  await until('nothing of it is left', () => connection.connection.channelCount === 0);
  assert.equal((await connection.exec('echo still')).stdout, 'still\n');
});

test('two masters at one place: the second is told, a stale socket is not in the way', { skip: ours }, async (t) => {
  const { path, connection, master } = await startOurMaster(t);
  await assert.rejects(serveMux(connection, path), (error: SshError) => {
    assert.equal(error.message, `ControlSocket ${path} already exists, disabling multiplexing`);
    return true;
  });
  await master.close();
  const stale = await startOpenSshMaster(t, '9.2', path, 'SIGKILL');
  assert.ok(existsSync(stale));
  await using again = await serveMux(connection, path);
  assert.ok(again.isListening);
});

async function sharedServer(): Promise<TestServer> {
  // A shell that believes to be inside of another reads no start files of the person's, which a hundred sessions would wait for.
  server ??= startOpenSshServer({ config: ['MaxSessions 500'] });
  return server;
}

/** `ssh -M -N`, whose socket stands; ended with the test, or at once by `end`. */
async function startOpenSshMaster(
  t: TestContext,
  version: OpenSshVersion,
  path = join(makeFolder('mux'), 'c'),
  end?: NodeJS.Signals,
): Promise<string> {
  const master = startProgram(sshCommand(await sharedServer(), [], { version, flags: ['-M', '-S', path, '-N'] }), {
    env: { SSH_AUTH_SOCK: undefined },
  });
  t.after(() => master.stop());
  await until('the master listens', () => existsSync(path));
  if (end !== undefined) {
    master.child.kill(end);
    await master.stop();
  }
  return path;
}

async function startOurMaster(
  t: TestContext,
  policy: MuxPolicy = {},
): Promise<{ path: string; connection: ClientConnection; master: MuxMaster }> {
  const { user, port } = await sharedServer();
  const connection = await connect(`${user}@127.0.0.1:${port}`, {
    hostKeys: pinnedHostKeys(parsePublicKey((await hostKey('ed25519')).publicLine).key),
    identities: [(await userKey()).file],
  });
  t.after(() => connection.close());
  const path = join(makeFolder('mux'), 'c');
  const master = await serveMux(connection, path, policy);
  t.after(() => master.close());
  return { path, connection, master };
}

async function control(
  version: OpenSshVersion,
  path: string,
  command: string,
  flags: readonly string[] = [],
): Promise<ProgramResult> {
  return runSsh(await sharedServer(), [], { version, flags: ['-S', path, '-O', command, ...flags] });
}

async function proxied(
  version: OpenSshVersion,
  path: string,
  command: readonly string[],
  options: { input?: Uint8Array } = {},
): Promise<ProgramResult> {
  return runSsh(await sharedServer(), command, { version, flags: ['-S', path, '-O', 'proxy'], ...options });
}

type ForwardCall = Parameters<Awaited<ReturnType<typeof connectMux>>['openForward']>[0];

async function assertForwards(
  t: TestContext,
  open: (forward: ForwardCall) => Promise<number | undefined>,
  close: (forward: ForwardCall) => Promise<void>,
): Promise<void> {
  const echo = await startEcho(t);
  const target = { kind: 'tcp', host: '127.0.0.1', port: echo } as const;
  const port = await freePort();
  const local: ForwardCall = { kind: 'local', listen: { kind: 'tcp', host: undefined, port }, target };
  assert.equal(await open(local), undefined);
  assert.equal(await say(port, 'local'), 'local');
  await close(local);
  await assert.rejects(say(port, 'x'));
  await assert.rejects(close(local), isSshError('request-refused'));

  const remote: ForwardCall = { kind: 'remote', listen: { kind: 'tcp', host: undefined, port: 0 }, target };
  const chosen = await open(remote);
  assert.equal(await say(chosen ?? 0, 'remote'), 'remote');
  await close(remote);

  const path = join(makeFolder('mux'), 's');
  const unix: ForwardCall = { kind: 'local', listen: { kind: 'unix', path }, target };
  await open(unix);
  assert.ok(existsSync(path));
  await open({
    kind: 'dynamic',
    listen: { kind: 'tcp', host: '127.0.0.1', port: await freePort() },
    target: { kind: 'socks' },
  });
}

/** One session's output is left unread while the others work. */
async function assertSlowStopsNobody(through: ClientConnection): Promise<void> {
  const slow = await through.spawn('head -c 100000000 /dev/zero');
  slow.exit.catch(() => {});
  await delay(300);
  for (let round = 0; round < 5; round++) assert.equal((await through.exec('echo quick')).stdout, 'quick\n');
  slow.close();
  await slow.exit.catch(() => {});
}

async function startEcho(t: TestContext): Promise<number> {
  const echo = createServer((socket) => {
    socket.on('error', () => {});
    socket.pipe(socket);
  });
  await new Promise<void>((resolve) => echo.listen(0, '127.0.0.1', resolve));
  t.after(() => echo.close());
  return (echo.address() as AddressInfo).port;
}

function say(port: number, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connectTcp({ port, host: '127.0.0.1' });
    let heard = '';
    socket.on('data', (chunk: Buffer) => {
      heard += chunk.toString();
    });
    socket.once('error', reject);
    socket.once('close', () => (heard === '' ? reject(new Error('nothing came back')) : resolve(heard)));
    socket.end(text);
  });
}

async function answers(port: number): Promise<boolean> {
  return say(port, 'ping').then(
    (heard) => heard === 'ping',
    () => false,
  );
}

function isSshError(code: string): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof SshError, String(error));
    assert.equal(error.code, code, error.message);
    return true;
  };
}

async function until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  for (let round = 0; round < 200; round++) {
    if (await holds()) return;
    await delay(25);
  }
  throw new Error(`this did not come true: ${what}`);
}
