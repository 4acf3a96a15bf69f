/** Masters for the tests of shared connections: bin/ssh's and OpenSSH's, by their sockets. */
import { existsSync } from 'node:fs';
import { type AddressInfo, connect, createServer } from 'node:net';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import {
  type KeyPair,
  makeFolder,
  makeKey,
  nacreProgram,
  type ProgramResult,
  type RunningProgram,
  type RunOptions,
  runSsh,
  sshCommand,
  startOpenSshServer,
  startProgram,
  type TestServer,
} from '../harness/index.ts';

export type Whose = 'ours' | 'theirs';
export const env = { SSH_AUTH_SOCK: undefined };

const programs: Readonly<Record<Whose, string | undefined>> = { ours: nacreProgram('ssh'), theirs: undefined };
let server: Promise<TestServer> | undefined;
let locked: Promise<KeyPair> | undefined;

export function sharedServer(): Promise<TestServer> {
  server ??= startServer();
  return server;
}

async function startServer(): Promise<TestServer> {
  return startOpenSshServer({
    authorizedKeys: [(await lockedKey()).publicLine],
    // A shell that believes to be inside of another reads no start files of the person's, which a hundred sessions would wait for.
    config: ['MaxSessions 500', 'PrintMotd no', 'PrintLastLog no'],
  });
}

/** A key that logs in, with the passphrase `sesame`. */
export function lockedKey(): Promise<KeyPair> {
  locked ??= makeKey({ passphrase: 'sesame' });
  return locked;
}

/** The arguments of one of the two programs against the server. */
export async function command(
  whose: Whose,
  flags: readonly string[],
  args: readonly string[] = [],
  options: readonly string[] = [],
): Promise<string[]> {
  const program = programs[whose];
  return sshCommand(await sharedServer(), args, { flags, options, ...(program !== undefined && { program }) });
}

/** Runs bin/ssh or OpenSSH's ssh to its end. */
export async function run(
  whose: Whose,
  flags: readonly string[],
  args: readonly string[] = [],
  options: RunOptions = {},
): Promise<ProgramResult & { readonly text: string }> {
  const program = programs[whose];
  const result = await runSsh(await sharedServer(), args, {
    ...options,
    flags,
    ...(program !== undefined && { program }),
  });
  return { ...result, text: result.stdout.toString() };
}

/** A path for a socket; whichever master stands there at the end of the test is told to go. */
export function socketPath(t: TestContext): string {
  const path = join(makeFolder('s'), 'c');
  t.after(async () => {
    if (existsSync(path)) await run('ours', ['-S', path, '-O', 'exit']);
  });
  return path;
}

/** `ssh -M -N`, whose socket stands. */
export async function startMaster(
  t: TestContext,
  whose: Whose,
  flags: readonly string[] = ['-N'],
  args: readonly string[] = [],
): Promise<{ path: string; master: RunningProgram }> {
  const path = socketPath(t);
  const master = startProgram(await command(whose, ['-M', '-S', path, ...flags], args), { env });
  t.after(() => master.stop());
  await until('the master listens', () => existsSync(path));
  return { path, master };
}

export async function startEcho(t: TestContext): Promise<number> {
  const echo = createServer((socket) => {
    socket.on('error', () => {});
    socket.pipe(socket);
  });
  await new Promise<void>((resolve) => echo.listen(0, '127.0.0.1', resolve));
  t.after(() => echo.close());
  return (echo.address() as AddressInfo).port;
}

/** What comes back from a port. */
export function say(port: number, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1' });
    let heard = '';
    socket.on('data', (chunk: Buffer) => {
      heard += chunk.toString();
    });
    socket.once('error', reject);
    socket.once('close', () => (heard === '' ? reject(new Error('nothing came back')) : resolve(heard)));
    socket.end(text);
  });
}

export async function answers(port: number): Promise<boolean> {
  return say(port, 'ping').then(
    (heard) => heard === 'ping',
    () => false,
  );
}

/** The process id that `ssh -O check` tells. */
export async function pidOf(path: string): Promise<number> {
  const { stderr } = await run('ours', ['-S', path, '-O', 'check']);
  return Number(/^Master running \(pid=(\d+)\)/.exec(stderr)?.[1] ?? 0);
}

export async function until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  for (let round = 0; round < 600; round++) {
    if (await holds()) return;
    await delay(25);
  }
  throw new Error(`this did not come true: ${what}`);
}
