/** ssh2, the npm package that Node programs use today, as a server inside the test's own process. */
import { spawn } from 'node:child_process';
import type { EventEmitter } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import type { Duplex } from 'node:stream';
import ssh2, { type AuthContext, type ParsedKey, type ServerChannel } from 'ssh2';
import { atEnd } from './cleanup.ts';
import { currentUser, makeServerFiles, type ServerOptions, type TestServer, writeKnownHosts } from './servers.ts';

export interface Ssh2ServerOptions extends ServerOptions {
  passwords?: Record<string, string>;
  /** ssh2's own settings: algorithms, ident, banner … */
  settings?: Record<string, unknown>;
}

/** Starts an ssh2 server with public keys, passwords, exec, shell and direct-tcpip. */
export async function startSsh2Server(options: Ssh2ServerOptions = {}): Promise<TestServer> {
  const files = await makeServerFiles(options);
  const allowed = readFileSync(files.authorizedKeysFile, 'utf8').trim().split('\n').filter(Boolean).map(parseKey);
  const clients = new Set<EventEmitter & { end?: () => void }>();
  const log: string[] = [];
  const server = new ssh2.Server(
    { hostKeys: files.hostKeys.map(({ file }) => readFileSync(file)), ...options.settings },
    (client) => {
      clients.add(client);
      client.on('close', () => clients.delete(client));
      client.on('error', (error: Error) => log.push(error.message));
      client.on('authentication', (context: AuthContext) => authenticate(context, allowed, options.passwords ?? {}));
      client.on('session', (accept: () => EventEmitter) => serveSession(accept()));
      client.on('tcpip', (accept: () => Duplex, reject: () => void, info: { destIP: string; destPort: number }) => {
        const socket = connect(info.destPort, info.destIP);
        socket.once('connect', () => {
          const channel = accept();
          socket.pipe(channel).pipe(socket);
        });
        socket.once('error', reject);
      });
    },
  );
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address();
  const stop = async () => {
    for (const client of clients) client.end?.();
    await new Promise<void>((resolve) => void server.close(resolve));
  };
  atEnd(stop);
  return {
    host: '127.0.0.1',
    port,
    user: currentUser(),
    identity: files.identity,
    hostKeys: files.hostKeys,
    knownHostsFile: writeKnownHosts(files.folder, port, files.hostKeys),
    pid: undefined,
    log: () => log.join('\n'),
    waitForLog: () => Promise.reject(new Error('the ssh2 server runs in this process and writes no log')),
    stop,
  };
}

function parseKey(line: string): ParsedKey {
  const key = ssh2.utils.parseKey(line);
  if (key instanceof Error) throw key;
  return key;
}

function authenticate(context: AuthContext, allowed: readonly ParsedKey[], passwords: Record<string, string>): void {
  if (isRightPassword(context, passwords) || isAllowedKey(context, allowed)) context.accept();
  else context.reject(['publickey', ...(Object.keys(passwords).length > 0 ? ['password'] : [])]);
}

function isRightPassword(context: AuthContext, passwords: Record<string, string>): boolean {
  const expected = passwords[context.username];
  return context.method === 'password' && expected !== undefined && expected === context.password;
}

function isAllowedKey(context: AuthContext, allowed: readonly ParsedKey[]): boolean {
  if (context.method !== 'publickey' || context.key === undefined) return false;
  const { data } = context.key;
  const key = allowed.find((candidate) => candidate.getPublicSSH().equals(data));
  if (key === undefined) return false;
  // Without a signature it is only the question whether the key would do.
  if (context.signature === undefined || context.blob === undefined) return true;
  return key.verify(context.blob, context.signature, context.hashAlgo) === true;
}

function serveSession(session: EventEmitter): void {
  const env: Record<string, string> = {};
  session.on('env', (accept: (() => void) | undefined, _reject: unknown, info: { key: string; val: string }) => {
    env[info.key] = info.val;
    accept?.();
  });
  session.on('exec', (accept: () => ServerChannel, _reject: unknown, info: { command: string }) => {
    runCommand(accept(), ['/bin/sh', '-c', info.command], env);
  });
  session.on('shell', (accept: () => ServerChannel) => runCommand(accept(), ['/bin/sh'], env));
}

function runCommand(channel: ServerChannel, argv: readonly [string, ...string[]], env: Record<string, string>): void {
  const [program, ...args] = argv;
  const child = spawn(program, args, { env: { ...process.env, ...env }, stdio: ['pipe', 'pipe', 'pipe'] });
  channel.pipe(child.stdin);
  child.stdin.on('error', () => {});
  child.stdout.pipe(channel, { end: false });
  child.stderr.pipe(channel.stderr, { end: false });
  child.on('close', (status, signal) => {
    if (signal === null) channel.exit(status ?? 0);
    else channel.exit(signal.replace(/^SIG/, ''));
    channel.end();
  });
  channel.on('close', () => child.kill());
}
