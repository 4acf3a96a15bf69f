/** Forwards of Debian's ssh while a test looks at them, and echoing ends for them. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { atEnd, clientOptions, openSshProgram, type TestServer } from '../harness/index.ts';
import { until } from './_sshd.ts';

/** An echo at a port (0 for any) or at a path. */
export async function startEcho(at: number | string): Promise<number> {
  const server: Server = createServer({ allowHalfOpen: true }, (socket) => socket.on('error', () => {}).pipe(socket));
  server.listen(typeof at === 'number' ? { port: at, host: '127.0.0.1' } : { path: at });
  await once(server, 'listening');
  atEnd(() => void server.close());
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}

/** What comes back; `cut` where nothing does. */
export async function ask(at: { port: number; host?: string } | { path: string }, text = 'ping'): Promise<string> {
  const socket: Socket = connect({ ...at, allowHalfOpen: true });
  // Nothing that is tested takes so long: a test must not wait for ever.
  socket.setTimeout(15_000, () => socket.destroy(new Error('no answer')));
  try {
    await once(socket, 'connect');
    socket.end(text);
    let all = '';
    for await (const chunk of socket) all += String(chunk);
    return all === '' ? 'cut' : all;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    return code === 'ECONNRESET' || code === 'EPIPE' ? 'cut' : (code ?? message);
  }
}

/**
 * Runs ssh with forwards until the check is done.
 *
 * @param replies - how many answers to remote forwards are waited for; 0 where there are none.
 * @param check - gets what ssh said at -v.
 */
export async function whileForwarding<T>(
  server: TestServer,
  flags: readonly string[],
  replies: number,
  check: (said: string) => Promise<T>,
): Promise<T> {
  const argv = [...clientOptions(server), '-v', '-N', ...flags, server.host];
  const child = spawn(openSshProgram('ssh'), argv, {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...process.env, SSH_AUTH_SOCK: undefined },
  });
  let said = '';
  child.stderr.on('data', (text: Buffer) => {
    said += String(text);
  });
  const ended = once(child, 'close');
  const pattern = /remote forward (?:success|failure)/g;
  const isReady = () =>
    child.exitCode !== null ||
    (/Entering interactive session/.test(said) && (said.match(pattern) ?? []).length >= replies);
  try {
    await until(isReady, `forwards: ${said}`, 20_000);
    return await check(said);
  } finally {
    child.kill();
    // ssh looks whether it was told to end and then waits for something to happen: between the two it hears nothing.
    const again = setInterval(() => child.kill(), 500);
    await ended;
    clearInterval(again);
  }
}
