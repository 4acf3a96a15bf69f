/** Data through every kind of forward of bin/ssh: one large stream, two hundred at once, half-close, slow readers, chains and jumps. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { Duplex, type Readable, type Writable } from 'node:stream';
import { before, type TestContext, test } from 'node:test';
import {
  atEnd,
  freePort,
  makeFolder,
  missing,
  nacreProgram,
  type RunningProgram,
  requireSuccess,
  startOpenSshServer,
  startProgram,
  type TestServer,
  waitForPort,
} from '../harness/index.ts';

const skip = missing('nacre:ssh', 'sshd');
const program = nacreProgram('ssh');
const folder = makeFolder('forwards');
const configFile = join(folder, 'config');
/** Of one large stream, in each direction. */
const streamBytes = Number(process.env.NACRE_FORWARD_BYTES ?? 32_000_000);
const atOnce = 200;
const targetPath = join(folder, 'target');
let targetPort = 0;
let servers: TestServer[] = [];

before(async () => {
  if (skip) return;
  servers = await Promise.all([1, 2, 3, 4].map(() => startOpenSshServer({ hostKeyTypes: ['ed25519'] })));
  const hosts = servers.map((server, index) => [
    `Host hop${index + 1}`,
    `  HostName 127.0.0.1\n  Port ${server.port}\n  UserKnownHostsFile ${server.knownHostsFile}`,
  ]);
  const [{ user, identity }] = servers as [TestServer];
  const common = `Host *\n  User ${user}\n  IdentityFile ${identity.file}\n  IdentitiesOnly yes\n  BatchMode yes\n`;
  writeFileSync(configFile, `${hosts.flat().join('\n')}\n${common}`);
  targetPort = await startTarget();
});

// A block whose length divides no buffer's: what is lost, doubled or swapped shows.
const block = randomBytes(1_000_003);

/** Reads to the end of a question, answers with its digest and as many bytes of its own, then ends. */
async function startTarget(): Promise<number> {
  const answer = (socket: Socket) => {
    const hash = createHash('sha256');
    let byteCount = 0;
    socket.on('data', (chunk: Buffer) => {
      byteCount += chunk.length;
      hash.update(chunk);
    });
    socket.on('end', () => {
      socket.write(hash.digest());
      void writeBytes(socket, byteCount);
    });
    socket.on('error', () => {});
  };
  const tcp = createServer({ allowHalfOpen: true }, answer);
  tcp.listen(0, '127.0.0.1');
  await once(tcp, 'listening');
  const { port } = tcp.address() as { port: number };
  const others = [
    createServer({ allowHalfOpen: true }, answer),
    createServer({ allowHalfOpen: true }, answer),
  ] as const;
  others[0].listen(targetPath);
  others[1].listen({ host: '::1', port, ipv6Only: true });
  await Promise.all(others.map((server) => once(server, 'listening').catch(() => {})));
  atEnd(() => [tcp, ...others].forEach((server) => void server.close()));
  return port;
}

/** So many bytes, as fast as they are taken; then the end. */
async function writeBytes(to: Writable, byteCount: number, tell?: (bytes: number) => void): Promise<void> {
  for (let left = byteCount; left > 0 && !to.destroyed; ) {
    const chunk = block.subarray(0, Math.min(left, block.length));
    left -= chunk.length;
    await new Promise<void>((resolve) => void to.write(chunk, () => resolve()));
    tell?.(chunk.length);
  }
  to.end();
}

function digestOf(byteCount: number): string {
  const hash = createHash('sha256');
  for (let left = byteCount; left > 0; left -= block.length)
    hash.update(block.subarray(0, Math.min(left, block.length)));
  return hash.digest('hex');
}

/** Asks a question of so many bytes, ends it, and checks what comes: both directions, and half-close. */
async function exchange(stream: Duplex, byteCount: number): Promise<void> {
  const sending = writeBytes(stream, byteCount);
  const hash = createHash('sha256');
  let head = Buffer.alloc(0);
  let received = 0;
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    let rest = chunk;
    if (head.length < 32) {
      head = Buffer.concat([head, chunk.subarray(0, 32 - head.length)]);
      rest = chunk.subarray(chunk.length - Math.max(0, received + chunk.length - 32));
    }
    received += chunk.length;
    hash.update(rest);
  }
  await sending;
  const expected = digestOf(byteCount);
  assert.equal(head.toString('hex'), expected, 'what arrived there');
  assert.equal(received - 32, byteCount);
  assert.equal(hash.digest('hex'), expected, 'what arrived here');
}

type Dial = () => Promise<Duplex>;

interface Kind {
  readonly flags: (port: number, path: string) => string[];
  readonly dial: (port: number, path: string) => Dial;
}

const straight =
  (port: number): Dial =>
  async () =>
    dialPort(port);
const socks =
  (request: (port: number) => Buffer, greets: boolean) =>
  (port: number): Dial =>
  async () => {
    const socket = dialPort(port);
    if (greets) {
      socket.write(Buffer.from([5, 1, 0]));
      assert.deepEqual([...(await readExactly(socket, 2))], [5, 0]);
    }
    socket.write(request(targetPort));
    const reply = await readExactly(socket, greets ? 10 : 8);
    assert.equal(reply[1], greets ? 0 : 90, 'the proxy refused');
    return socket;
  };

const bytesOf = (port: number) => Buffer.from([port >> 8, port & 255]);
const ipv6Loopback = Buffer.from([...new Array(15).fill(0), 1]);
const version4 = socks((port) => Buffer.from([4, 1, ...bytesOf(port), 127, 0, 0, 1, 0]), false);
const version4a = socks(
  (port) => Buffer.from([4, 1, ...bytesOf(port), 0, 0, 0, 9, 0, ...Buffer.from('localhost\0')]),
  false,
);
const version5 = socks((port) => Buffer.from([5, 1, 0, 1, 127, 0, 0, 1, ...bytesOf(port)]), true);
const version5Name = socks((port) => Buffer.from([5, 1, 0, 3, 9, ...Buffer.from('localhost'), ...bytesOf(port)]), true);
const version5Ipv6 = socks((port) => Buffer.from([5, 1, 0, 4, ...ipv6Loopback, ...bytesOf(port)]), true);

const target = () => `127.0.0.1:${targetPort}`;
const kinds: Readonly<Record<string, Kind>> = {
  '-L': { flags: (port) => ['-L', `${port}:${target()}`], dial: straight },
  '-R': { flags: (port) => ['-R', `${port}:${target()}`], dial: straight },
  '-L between Unix sockets': { flags: (_, path) => ['-L', `${path}:${targetPath}`], dial: (_, path) => dialPath(path) },
  '-R between Unix sockets': { flags: (_, path) => ['-R', `${path}:${targetPath}`], dial: (_, path) => dialPath(path) },
  '-D by SOCKS 4': { flags: (port) => ['-D', `${port}`], dial: version4 },
  '-D by SOCKS 4a and a name': { flags: (port) => ['-D', `${port}`], dial: version4a },
  '-D by SOCKS 5': { flags: (port) => ['-D', `${port}`], dial: version5 },
  '-D by SOCKS 5 and a name': { flags: (port) => ['-D', `${port}`], dial: version5Name },
  '-D by SOCKS 5 and IPv6': { flags: (port) => ['-D', `${port}`], dial: version5Ipv6 },
  '-R as a SOCKS proxy': { flags: (port) => ['-R', `${port}`], dial: version5Name },
};

for (const [name, kind] of Object.entries(kinds)) {
  test(`${name}: ${atOnce} connections at once, and one of ${streamBytes / 1e6} MB each way`, { skip }, async (t) => {
    const [port, path] = [await freePort(), join(folder, `socket-${name.replace(/\W/g, '')}`)];
    const ssh = startSsh(t, [...kind.flags(port, path), 'hop1']);
    const dial = kind.dial(port, path);
    await untilAnswered(dial, ssh);
    const sizes = Array.from({ length: atOnce }, (_, index) => 5000 + index * 37);
    await Promise.all(sizes.map(async (size) => exchange(await dial(), size)));
    await exchange(await dial(), streamBytes);
  });
}

test(`-W: ten at once, and one of ${streamBytes / 1e6} MB each way`, { skip }, async (t) => {
  const dial = async () => {
    const child = spawn(program, ['-F', configFile, '-W', target(), 'hop1'], { stdio: ['pipe', 'pipe', 'inherit'] });
    t.after(() => void child.kill());
    child.stdin.on('error', () => {});
    return Duplex.from({ readable: child.stdout as Readable, writable: child.stdin as Writable });
  };
  await Promise.all(Array.from({ length: 10 }, async (_, index) => exchange(await dial(), 10_000 + index)));
  await exchange(await dial(), streamBytes);
});

test('a chain of nine, each through the one before', { skip }, async (t) => {
  const [server] = servers as [TestServer];
  const key = readFileSync(server.knownHostsFile, 'utf8').replace(/^\S+/, 'chain');
  const known = join(folder, 'chain-known-hosts');
  writeFileSync(known, key);
  const { user, identity } = server;
  let { port } = server;
  for (let link = 1; link <= 9; link++) {
    const next = await freePort();
    const to = link === 9 ? target() : `127.0.0.1:${server.port}`;
    startSsh(t, [
      ...['-p', String(port), '-l', user, '-i', identity.file, '-o', 'HostKeyAlias=chain'],
      ...['-o', `UserKnownHostsFile=${known}`, '-L', `${next}:${to}`, '127.0.0.1'],
    ]);
    await waitForPort(next);
    port = next;
  }
  await Promise.all(Array.from({ length: 20 }, (_, index) => exchange(dialPort(port), 10_000 + index)));
  await exchange(dialPort(port), Math.min(streamBytes, 8_000_000));
});

test('a jump through three hosts: data over a command and over forwards', { skip }, async (t) => {
  const bytes = Buffer.concat(Array.from({ length: 8 }, () => block));
  const jump = ['-F', configFile, '-J', 'hop1,hop2,hop3'];
  const said = await requireSuccess([program, ...jump, 'hop4', 'sha256sum'], { input: bytes });
  assert.equal(said.slice(0, 64), createHash('sha256').update(bytes).digest('hex'));
  const port = await freePort();
  startSsh(t, [...jump.slice(2), '-L', `${port}:${target()}`, 'hop4']);
  await waitForPort(port);
  await Promise.all(Array.from({ length: 20 }, (_, index) => exchange(dialPort(port), 10_000 + index)));
  await exchange(dialPort(port), Math.min(streamBytes, 8_000_000));
});

for (const side of ['-L', '-R'] as const) {
  test(`${side}: a slow reader slows its writer and nobody else, in bounded memory`, { skip }, async (t) => {
    // One end writes all it can; the other does not read, whichever of the two is here.
    const lazy = createServer({ allowHalfOpen: true }, (socket) => {
      socket.on('error', () => {});
      held.push(socket);
      socket.pause();
    });
    const held: Socket[] = [];
    lazy.listen(0, '127.0.0.1');
    await once(lazy, 'listening');
    t.after(() => {
      for (const socket of held) socket.destroy();
      lazy.close();
    });
    const [busy, other] = [await freePort(), await freePort()];
    const { port: lazyPort } = lazy.address() as { port: number };
    const ssh = startSsh(t, [side, `${busy}:127.0.0.1:${lazyPort}`, side, `${other}:${target()}`, 'hop1']);
    await untilAnswered(straight(other), ssh);
    await untilConnected(busy, () => held.length > 0);
    for (const writes of ['here', 'there'] as const) {
      const before = held.length;
      const near = dialPort(busy);
      near.pause();
      await until('it is connected through', () => held.length > before);
      const far = held.at(-1) as Socket;
      const [writer, reader] = writes === 'here' ? [near, far] : [far, near];
      const byteCount = 96_000_000;
      let count = 0;
      const writing = writeBytes(writer, byteCount, (bytes) => {
        count += bytes;
      });
      const taken = () => count;
      // Others go on, and meanwhile the writer comes to a halt.
      let seen = -1;
      for (let round = 0; round < 60 && (taken() === 0 || taken() !== seen); round++) {
        seen = taken();
        await exchange(dialPort(other), 1_000_000);
      }
      assert.ok(taken() > 0 && taken() < byteCount / 2, `the writer was let write ${taken()} bytes that nobody reads`);
      assert.ok(memoryOf(ssh) < 400_000_000, `ssh holds ${memoryOf(ssh)} bytes`);
      let received = 0;
      for await (const chunk of reader as AsyncIterable<Buffer>) received += chunk.length;
      await writing;
      assert.equal(received, byteCount);
    }
  });
}

function memoryOf({ pid }: RunningProgram): number {
  return Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) * 1024;
}

function startSsh(t: TestContext, args: readonly string[]): RunningProgram {
  const ssh = startProgram([program, '-F', configFile, '-N', '-oExitOnForwardFailure=yes', ...args], {
    env: { SSH_AUTH_SOCK: undefined },
  });
  t.after(() => ssh.stop());
  return ssh;
}

function dialPort(port: number): Socket {
  return connect({ port, host: '127.0.0.1', allowHalfOpen: true });
}

function dialPath(path: string): Dial {
  return async () => {
    for (;;) {
      const socket = connect({ path, allowHalfOpen: true });
      try {
        await once(socket, 'connect');
        return socket;
      } catch (error) {
        // So many at once that the listener has not taken the first yet: a Unix socket refuses where TCP would wait.
        if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
    }
  };
}

/** Asks until there is an answer: the listener may not stand yet. */
async function untilAnswered(dial: Dial, ssh: RunningProgram): Promise<void> {
  for (let round = 0; ; round++) {
    try {
      await exchange(await dial(), 10);
      return;
    } catch (error) {
      if (round > 600 || ssh.child.exitCode !== null) throw new Error(ssh.log(), { cause: error });
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
  }
}

async function untilConnected(port: number, holds: () => boolean): Promise<void> {
  await waitForPort(port);
  await until('something was connected', holds);
}

async function until(what: string, holds: () => boolean): Promise<void> {
  const end = Date.now() + 20_000;
  while (!holds()) {
    if (Date.now() > end) throw new Error(`this did not come true: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

async function readExactly(socket: Socket, byteCount: number): Promise<Buffer> {
  for (;;) {
    const found = socket.read(byteCount) as Buffer | null;
    if (found !== null) return found;
    if (socket.destroyed || socket.readableEnded) throw new Error('it ended early');
    await Promise.race([once(socket, 'readable'), once(socket, 'close')]);
  }
}
