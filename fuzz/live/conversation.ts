/** One connection of the live fuzzer: a login and a few things that people do, all of it half right. */
import { once } from 'node:events';
import { connect as connectTcp, createServer } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { authenticateClient, type ClientAuthOptions } from '@nacre/ssh/auth';
import { ClientConnection, openSftp } from '@nacre/ssh/client';
import { SshError } from '@nacre/ssh/errors';
import { generateKey, type Signer } from '@nacre/ssh/keys';
import { Random } from '../random.ts';
import { type Layer, openLink } from './link.ts';
import { type Corpus, Mutator } from './mutator.ts';

/** A server under test, and how to get in. */
export interface Target {
  readonly port: number;
  readonly user: string;
  /** Keys that are let in: one for a program, one for internal-sftp. */
  readonly programKey: Signer;
  readonly sftpKey: Signer;
  readonly password: string | undefined;
}

export interface Outcome {
  readonly isLoggedIn: boolean;
  readonly harmed: number;
  /** What our own client threw that was no SshError: a fault here, found by the way. */
  readonly fault: string | undefined;
}

const strangerKey = await generateKey('ssh-ed25519');

/** How long a connection is given: some wait for an answer that will never come. */
const longestMs = 1500;

const layers: readonly [Layer, ...Layer[]] = [
  ...['identification', 'plain', 'plain', 'sealed'],
  ...Array.from({ length: 12 }, () => 'messages'),
] as [Layer, ...Layer[]];

/** Connects, does things, and goes; whatever the server answers, it comes to an end. */
export async function converse(target: Target, seed: number, index: number, corpus: Corpus): Promise<Outcome> {
  const stopped = new AbortController();
  const hung = settlingTime(stopped.signal).then(
    (): Outcome => ({ isLoggedIn: false, harmed: 0, fault: 'a call did not settle when its connection had ended' }),
  );
  hung.catch(() => {});
  try {
    return await Promise.race([talk(target, seed, index, corpus), hung]);
  } finally {
    stopped.abort();
  }
}

/** When a call of our client's that is still open will never settle: in small steps, so that a machine that stands still counts as one. */
async function settlingTime(signal: AbortSignal): Promise<void> {
  await delay(longestMs, undefined, { signal });
  for (let step = 0; step < 40; step++) await delay(250, undefined, { signal });
}

async function talk(target: Target, seed: number, index: number, corpus: Corpus): Promise<Outcome> {
  const random = new Random(seed, index);
  const layer = random.pick(layers);
  const mutator = new Mutator(random, corpus);
  const { transport, socket } = openLink({ port: target.port, random, mutator, layer });
  const faults: string[] = [];
  const note = (error: unknown) => {
    if (!(error instanceof SshError))
      faults.push(error instanceof Error ? (error.stack ?? error.message) : String(error));
  };
  const timer = setTimeout(() => socket.destroy(), longestMs);
  let isLoggedIn = false;
  try {
    await once(socket, 'connect');
    // From the first message of login on, or only when that is done.
    mutator.isActive = layer === 'messages' && random.below(3) === 0;
    await transport.handshake();
    const isSftp = random.below(3) === 0;
    await authenticateClient(transport, loginOptions(target, random, isSftp));
    isLoggedIn = true;
    const connection = new ClientConnection(transport, socket, {
      target: { host: '127.0.0.1', port: target.port, user: target.user },
      address: '127.0.0.1',
      login: { methods: ['publickey'], proved: true, banner: undefined },
      options: {},
    });
    mutator.isActive = layer === 'messages';
    const count = 1 + random.below(3);
    const doings = Array.from({ length: count }, () => (isSftp ? useSftp : random.pick(deeds))(connection, random));
    await Promise.allSettled(doings.map((doing) => doing.catch(note)));
    await connection.close();
  } catch (error) {
    // A server that refuses the socket tells it as an error of the system's.
    if ((error as NodeJS.ErrnoException).syscall === undefined) note(error);
  } finally {
    clearTimeout(timer);
    socket.destroy();
  }
  return { isLoggedIn, harmed: mutator.harmed, fault: faults[0] };
}

function loginOptions(target: Target, random: Random, isSftp: boolean): ClientAuthOptions {
  const key = isSftp ? target.sftpKey : target.programKey;
  const password = random.below(2) === 0 ? 'wrong' : (target.password ?? 'wrong');
  return {
    user: random.below(12) === 0 ? 'no-such-user' : target.user,
    signers: random.below(4) === 0 ? [strangerKey, key] : [key],
    ...(random.below(8) === 0 && {
      preferredMethods: ['password', 'keyboard-interactive', 'publickey'],
      password: async () => password,
      keyboardInteractive: async ({ prompts }) => prompts.map(() => password),
    }),
  };
}

type Deed = (connection: ClientConnection, random: Random) => Promise<void>;

const deeds: readonly [Deed, ...Deed[]] = [
  useCommand,
  useCommand,
  useTerminal,
  useTcp,
  useListener,
  useSocket,
  useKeys,
];

async function useCommand(connection: ClientConnection, random: Random): Promise<void> {
  const session = await connection.spawn('echo in', { environment: { LANG: 'C', LC_ALL: 'C.UTF-8' } });
  session.stderr.resume();
  session.stdout.on('error', () => {}).resume();
  session.stdin.write(Buffer.alloc(random.below(100_000), 'x'));
  session.signal('TERM');
  session.stdin.end();
  await session.exit;
}

async function useTerminal(connection: ClientConnection, random: Random): Promise<void> {
  const modes = new Map([
    [3, 127],
    [53, 1],
    [128, 38400],
  ]);
  const session = await connection.shell({ pty: { term: 'xterm', columns: 80, rows: 24, modes } });
  session.stderr.resume();
  session.stdout.on('error', () => {}).resume();
  session.windowChange({ columns: random.below(300), rows: random.below(100) });
  session.stdin.write('echo hello\r');
  await session.sendBreak(10);
  session.stdin.end('\x04');
  await Promise.race([session.exit, delay(300)]);
  session.close();
}

/** To a port of the server's own: ours, which answers. */
async function useTcp(connection: ClientConnection, random: Random): Promise<void> {
  const echo = createServer((socket) => socket.on('error', () => {}).pipe(socket));
  echo.listen(0, '127.0.0.1');
  try {
    await once(echo, 'listening');
    const stream = await connection.forwardTcp('127.0.0.1', (echo.address() as { port: number }).port);
    stream.on('error', () => {});
    stream.end(Buffer.alloc(random.below(200_000), 'y'));
    await Promise.race([once(stream.resume(), 'close').catch(() => {}), delay(500)]);
    stream.destroy();
  } finally {
    echo.close();
  }
}

async function useListener(connection: ClientConnection): Promise<void> {
  const listener = await connection.listen('127.0.0.1', 0, (stream) => void stream.on('error', () => {}).resume());
  const socket = connectTcp(listener.port, '127.0.0.1');
  socket.on('error', () => {}).end('hello');
  await Promise.race([once(socket.resume(), 'close').catch(() => {}), delay(200)]);
  socket.destroy();
  await listener.close();
}

async function useSocket(connection: ClientConnection): Promise<void> {
  const listener = await connection.listenUnix('fuzz.sock', (stream) => void stream.on('error', () => {}).resume());
  const stream = await connection.forwardUnix('fuzz.sock');
  stream.on('error', () => {}).end('hello');
  stream.destroy();
  await listener.close();
}

async function useKeys(connection: ClientConnection, random: Random): Promise<void> {
  await connection.rekey();
  await useCommand(connection, random);
}

async function useSftp(connection: ClientConnection, random: Random): Promise<void> {
  const sftp = await openSftp(connection);
  const name = `fuzz-${random.below(4)}`;
  try {
    await sftp.mkdir('fuzz-folder').catch(() => {});
    await sftp.fs.writeFile(name, Buffer.alloc(random.below(80_000), 'z'));
    await Promise.allSettled([sftp.stat(name), sftp.lstat(name), sftp.realpath('.'), sftp.readFile(name)]);
    for await (const entry of sftp.readdir('.')) if (entry === undefined) break;
    await sftp.setStat(name, { mode: 0o600 });
    await sftp.symlink(name, `${name}-link`).catch(() => {});
    await sftp.readlink(`${name}-link`);
    await sftp.rename(name, `${name}-new`).catch(() => {});
    await Promise.allSettled([sftp.remove(`${name}-new`), sftp.statFileSystem('.'), sftp.homeDirectory('')]);
  } finally {
    sftp.close();
  }
}
