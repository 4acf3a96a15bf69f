/** The same command lines with OpenSSH's ssh and with bin/ssh: what they say about forwards, what listens where, and how they end. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { connect, createServer, type Server } from 'node:net';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { before, type TestContext, test } from 'node:test';
import {
  atEnd,
  clientOptions,
  freePort,
  makeFolder,
  missing,
  nacreProgram,
  openSshProgram,
  runProgram,
  startOpenSshServer,
  startProgram,
  type TestServer,
} from '../harness/index.ts';

const skip = missing('nacre:ssh', 'ssh', 'sshd');
const folder = makeFolder('forward-words');
let open: TestServer;
let closed: TestServer;
let taken = 0;

before(async () => {
  if (skip) return;
  [open, closed] = await Promise.all([
    startOpenSshServer({ hostKeyTypes: ['ed25519'], config: ['GatewayPorts clientspecified'] }),
    startOpenSshServer({
      hostKeyTypes: ['ed25519'],
      config: ['AllowTcpForwarding no', 'AllowStreamLocalForwarding no'],
    }),
  ]);
  taken = await takePort();
});

/** A port that is taken on every address of this machine. */
async function takePort(): Promise<number> {
  const port = await freePort();
  const servers: Server[] = [];
  for (const host of ['0.0.0.0', '::']) {
    const server = createServer();
    server.listen({ port, host, ipv6Only: true });
    await once(server, 'listening').catch(() => {});
    servers.push(server);
  }
  atEnd(() => servers.forEach((server) => void server.close()));
  return port;
}

const programs = () => [openSshProgram('ssh'), nacreProgram('ssh')] as const;
const env = { SSH_AUTH_SOCK: undefined };

/** What differs though nothing else does: line ends, chosen ports, the numbers of channels. */
function normalize(text: string): string {
  return (
    text
      .replaceAll('\r', '')
      .replace(/Allocated port \d+/g, 'Allocated port N')
      .replace(/^channel \d+:/gm, 'channel N:')
      // A socket's path has no port, whatever OpenSSH's number for that is.
      .replace(/(?::| port )-2\b/g, '')
  );
}

async function compare(server: TestServer, args: readonly string[], tail: readonly string[] = ['echo on']) {
  const results = await Promise.all(
    programs().map(async (program) => {
      const argv = [program, ...clientOptions(server), ...args, server.host, ...tail];
      const { status, stdout, stderr } = await runProgram(argv, { env });
      return { status, stdout: stdout.toString(), stderr: normalize(stderr) };
    }),
  );
  const [theirs, ours] = results;
  assert.deepEqual(ours, theirs, args.join(' '));
  return ours as { status: number | null; stdout: string; stderr: string };
}

test('forwards that cannot be had, with and without ExitOnForwardFailure', { skip }, async () => {
  const file = join(folder, 'file');
  writeFileSync(file, 'data');
  const rows: readonly (readonly [server: TestServer, ...args: string[]])[] = [
    [open, '-L', `${taken}:127.0.0.1:9`],
    [open, '-L', `127.0.0.1:${taken}:127.0.0.1:9`],
    [open, '-L', `localhost:${taken}:127.0.0.1:9`],
    [open, '-L', `*:${taken}:127.0.0.1:9`],
    [open, '-L', `:${taken}:127.0.0.1:9`],
    [open, '-g', '-L', `${taken}:127.0.0.1:9`],
    [open, '-4', '-L', `*:${taken}:127.0.0.1:9`],
    [open, '-D', `${taken}`],
    [open, '-L', `no.such.name.invalid:${taken}:127.0.0.1:9`],
    [open, '-L', `192.0.2.99:${taken}:127.0.0.1:9`],
    [open, '-L', `${folder}/none/x:127.0.0.1:9`],
    [open, '-L', `${file}:127.0.0.1:9`],
    [open, '-R', `${taken}:127.0.0.1:9`],
    [open, '-R', `*:${taken}:127.0.0.1:9`],
    [open, '-R', `${taken}`],
    [open, '-R', `${folder}/none/x:127.0.0.1:9`],
    [closed, '-R', '0:127.0.0.1:9'],
    [closed, '-R', `${folder}/remote:127.0.0.1:9`],
  ];
  for (const [server, ...args] of rows) {
    const [warned, strict] = await Promise.all([
      compare(server, args),
      compare(server, ['-oExitOnForwardFailure=yes', ...args]),
    ]);
    assert.equal(warned.status, 0);
    assert.notEqual(warned.stderr, '');
    assert.deepEqual([strict.status, strict.stdout], [255, '']);
  }
  assert.equal(statSync(file).size, 4);
});

test('what can be had: chosen ports are printed; all are left out with ClearAllForwardings', { skip }, async () => {
  for (const spec of [
    '0:127.0.0.1:9',
    '0',
    '127.0.0.1:0:127.0.0.1:9',
    '*:0:[::1]:9',
    ':0:localhost:9',
    `0:${folder}/s`,
  ]) {
    const { stderr } = await compare(open, ['-R', spec]);
    assert.match(stderr, /^Allocated port N for remote forward to \S+\n$/);
  }
  const cleared = ['-oClearAllForwardings=yes', '-oExitOnForwardFailure=yes'];
  await compare(closed, [...cleared, '-L', `${taken}:127.0.0.1:9`, '-R', `${taken}:127.0.0.1:9`, '-D', `${taken}`]);
  const bad = ['0:127.0.0.1:9', '1:2:3:4:5', 'x', '70000:127.0.0.1:9', '8080:127.0.0.1:0', '8080:127.0.0.1'];
  await Promise.all(bad.map((spec) => compare(open, ['-L', spec])));
  await Promise.all(['70000', 'a b:1', '0'].map((spec) => compare(open, ['-D', spec])));
  await Promise.all(['70000:127.0.0.1:9', 'x:y:z:w:v'].map((spec) => compare(open, ['-R', spec])));
});

test('-W to what is not there, and where it is not allowed', { skip }, async () => {
  for (const server of [open, closed]) await compare(server, ['-W', '127.0.0.1:9'], []);
  await compare(open, ['-W', 'no.such.name.invalid:9'], []);
  await compare(open, ['-W', 'x'], []);
});

interface Live {
  readonly args: (port: number) => string[];
  readonly server: () => TestServer;
  /** What is sent to the port once it is there. */
  readonly say?: Buffer;
}

const socksTo = (port: number) => Buffer.from([5, 1, 0, 5, 1, 0, 1, 127, 0, 0, 1, port >> 8, port & 255]);
const live: Readonly<Record<string, Live>> = {
  'a target that refuses': { args: (port) => ['-L', `${port}:127.0.0.1:9`], server: () => open },
  'a target without an address': { args: (port) => ['-L', `${port}:no.such.name.invalid:9`], server: () => open },
  'a socket that is not there': { args: (port) => ['-L', `${port}:${folder}/none`], server: () => open },
  'a server that does not forward': { args: (port) => ['-L', `${port}:127.0.0.1:9`], server: () => closed },
  'SOCKS to what refuses': { args: (port) => ['-D', `${port}`], server: () => open, say: socksTo(9) },
  'what is no SOCKS': { args: (port) => ['-D', `${port}`], server: () => open, say: Buffer.from('GET / HTTP/1.1\n\n') },
  'a target here that refuses': { args: (port) => ['-R', `${port}:127.0.0.1:9`], server: () => open },
  'a target here without an address': { args: (port) => ['-R', `${port}:no.such.name.invalid:9`], server: () => open },
  'a socket here that is not there': { args: (port) => ['-R', `${port}:${folder}/none`], server: () => open },
  'remote SOCKS to what refuses': { args: (port) => ['-R', `${port}`], server: () => open, say: socksTo(9) },
  'remote SOCKS within PermitRemoteOpen': {
    args: (port) => ['-oPermitRemoteOpen=127.0.0.1:10', '-R', `${port}`],
    server: () => open,
    say: socksTo(9),
  },
};

for (const [name, { args, server, say }] of Object.entries(live)) {
  test(`a connection to ${name}: the same words, the same end, and -N that is asked to end has done well`, {
    skip,
  }, async () => {
    const said = [];
    for (const program of programs()) {
      const port = await freePort();
      const argv = [program, ...clientOptions(server()), '-N', ...args(port), server().host];
      const running = startProgram(argv, { env });
      await connectUntilClosed(port, say);
      const ended = once(running.child, 'close');
      running.child.kill('SIGTERM');
      const [status] = (await ended) as [number];
      said.push({ status, log: normalize(running.log()).replaceAll(String(port), 'PORT') });
    }
    assert.deepEqual(said[1], said[0]);
    assert.equal(said[1]?.status, 0);
  });
}

/** Connects once there is a listener, and waits until the other side has closed. */
async function connectUntilClosed(port: number, say: Buffer | undefined): Promise<void> {
  for (let round = 0; round < 800; round++) {
    const socket = connect({ port, host: '127.0.0.1' });
    const outcome = await new Promise<'refused' | 'closed'>((resolve) => {
      let isOpen = false;
      socket.on('connect', () => {
        isOpen = true;
        if (say !== undefined) socket.write(say);
      });
      socket.on('error', () => {});
      socket.on('close', () => resolve(isOpen ? 'closed' : 'refused'));
      socket.resume();
    });
    if (outcome === 'closed') return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error(`nothing listened on port ${port}`);
}

test('who may connect: loopback alone unless -g, GatewayPorts or an address say otherwise', { skip }, async (t) => {
  const outside = Object.values(networkInterfaces())
    .flat()
    .find((entry) => entry !== undefined && !entry.internal && entry.family === 'IPv4')?.address;
  const addresses = ['127.0.0.1', '::1', ...(outside === undefined ? [] : [outside])];
  for (const flags of [
    (port: number) => ['-L', `${port}:127.0.0.1:9`],
    (port: number) => ['-L', `localhost:${port}:127.0.0.1:9`],
    (port: number) => ['-L', `*:${port}:127.0.0.1:9`],
    (port: number) => ['-L', `:${port}:127.0.0.1:9`],
    (port: number) => ['-L', `127.0.0.1:${port}:127.0.0.1:9`],
    (port: number) => ['-L', `[::1]:${port}:127.0.0.1:9`],
    (port: number) => ['-g', '-L', `${port}:127.0.0.1:9`],
    (port: number) => ['-oGatewayPorts=yes', '-D', `${port}`],
    (port: number) => ['-R', `${port}:127.0.0.1:9`],
    (port: number) => ['-g', '-R', `${port}:127.0.0.1:9`],
    (port: number) => ['-R', `*:${port}:127.0.0.1:9`],
    (port: number) => ['-R', `:${port}:127.0.0.1:9`],
    (port: number) => ['-R', `[::1]:${port}:127.0.0.1:9`],
  ]) {
    const reached = await Promise.all(
      programs().map(async (program) => {
        const port = await freePort();
        const running = await startWith(t, program, flags(port));
        const found = await Promise.all(addresses.map((address) => isOpen(address, port)));
        await running.stop();
        return found;
      }),
    );
    assert.deepEqual(reached[1], reached[0], flags(0).join(' '));
  }
});

/** A client whose forwards stand once it says so. */
async function startWith(t: TestContext, program: string, args: readonly string[]) {
  const argv = [
    program,
    ...clientOptions(open),
    '-oExitOnForwardFailure=yes',
    ...args,
    open.host,
    'echo ready; sleep 600',
  ];
  const running = startProgram(argv, { env });
  t.after(() => running.stop());
  await running.waitForLog(/^ready$/m);
  return running;
}

function isOpen(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    socket.on('connect', () => resolve(true));
    socket.on('error', () => resolve(false));
    socket.on('close', () => resolve(false));
    socket.resume().on('end', () => socket.destroy());
  });
}

test('StreamLocalBindMask and StreamLocalBindUnlink', { skip }, async (t) => {
  for (const [args, left] of [
    [[], false],
    [['-oStreamLocalBindMask=0117'], false],
    [['-oStreamLocalBindMask=0'], false],
    [['-oStreamLocalBindUnlink=yes'], true],
    [[], true],
  ] as const) {
    const seen = [];
    for (const program of programs()) {
      const path = join(folder, 'own');
      rmSync(path, { force: true });
      if (left) {
        // A socket that its program has left behind.
        const first = await startWith(t, openSshProgram('ssh'), ['-L', `${path}:127.0.0.1:9`]);
        first.child.kill('SIGKILL');
        await once(first.child, 'close');
        assert.ok(existsSync(path));
      }
      const argv = [
        program,
        ...clientOptions(open),
        ...args,
        '-L',
        `${path}:127.0.0.1:9`,
        open.host,
        `stat -c %a ${path}`,
      ];
      const { stdout, stderr } = await runProgram(argv, { env });
      seen.push([stdout.toString(), normalize(stderr)]);
    }
    assert.deepEqual(seen[1], seen[0], `${args.join(' ')} ${left}`);
  }
});
