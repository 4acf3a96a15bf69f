/** The control socket: answers root and the server's own user, one question a connection, and nobody for long. */
import { chmodSync, lstatSync, mkdirSync, rmSync, statSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { dirname } from 'node:path';
import { SshError } from '@nacre/ssh/errors';
import { tryPlatform } from '../../../os/index.ts';
import { pathFlaw } from '../user-files.ts';
import { controlFolder } from './place.ts';
import { type ControlAnswer, type ControlRequest, maxRequestBytes, parseControlRequest } from './protocol.ts';

/** Who asks. */
export interface Asker {
  readonly userId: number;
}

type AnswerRequest = (request: ControlRequest, asker: Asker) => Promise<unknown>;

export interface ControlSocket {
  readonly path: string;
  /** Takes no more questions, and removes the socket. */
  close(): void;
}

/** A client that says nothing, or reads nothing, is left. */
const timeoutMs = 10_000;
const maxClients = 16;

/**
 * Listens.
 *
 * @throws SshError `connect-failed` where another server answers there, or the folder is one that others may write to.
 */
export async function listenControl(path: string, answer: AnswerRequest): Promise<ControlSocket> {
  prepareFolder(dirname(path));
  await removeStale(path);
  const server = createServer({ allowHalfOpen: true }, (socket) => void serveClient(socket, answer));
  server.maxConnections = maxClients;
  await bind(server, path);
  const own = lstatSync(path);
  return {
    path,
    close() {
      server.close();
      // Another server may have taken the place since somebody removed ours.
      const found = lstatSync(path, { throwIfNoEntry: false });
      if (found?.ino === own.ino && found.dev === own.dev) rmSync(path, { force: true });
    },
  };
}

function bind(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    // bind(2) makes the file with what the mask leaves, within this very call: there is no moment at which others could connect.
    const before = process.umask(0o177);
    try {
      server.once('error', (error) => reject(cannotListen(path, error.message)));
      server.listen({ path }, () => {
        server.removeAllListeners('error').on('error', () => {});
        resolve();
      });
    } finally {
      process.umask(before);
    }
  });
}

/** In a folder that others may write to they could put a socket of their own in our place, and be told who is kicked. */
function prepareFolder(folder: string): void {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  if (folder === controlFolder()) chmodSync(folder, 0o700);
  const stats = statSync(folder);
  const flaw = pathFlaw(folder, stats, process.geteuid?.() ?? stats.uid);
  if (flaw !== undefined) throw cannotListen(folder, flaw);
}

/** A socket whose server is gone answers nobody and would stand in the way for ever. */
async function removeStale(path: string): Promise<void> {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined) return;
  if (!found.isSocket()) throw cannotListen(path, 'a file that is no socket lies there');
  const answers = await new Promise<boolean>((resolve) => {
    const socket = connect({ path });
    const settle = (isThere: boolean): void => {
      socket.destroy();
      resolve(isThere);
    };
    socket.once('connect', () => settle(true));
    socket.once('error', () => settle(false));
  });
  if (answers) throw cannotListen(path, 'another server answers there');
  rmSync(path, { force: true });
}

async function serveClient(socket: Socket, answer: AnswerRequest): Promise<void> {
  socket.on('error', () => socket.destroy());
  socket.setTimeout(timeoutMs, () => socket.destroy());
  const deadline = setTimeout(() => socket.destroy(), timeoutMs);
  deadline.unref();
  socket.once('close', () => clearTimeout(deadline));
  const asker = identify(socket);
  if (asker === undefined) {
    socket.destroy();
    return;
  }
  const line = await readLine(socket);
  if (line === undefined) {
    socket.destroy();
    return;
  }
  let reply: ControlAnswer;
  try {
    reply = { ok: true, result: await answer(parseControlRequest(line), asker) };
  } catch (error) {
    reply = { ok: false, error: error instanceof Error ? error.message : String(error) };
  }
  // The reading goes on: a client that hangs up is noticed.
  socket.resume();
  socket.end(`${JSON.stringify(reply)}\n`);
}

/** The mode of the file keeps others out already; where the system tells who is there, it is looked at as well. */
function identify(socket: Socket): Asker | undefined {
  const own = process.geteuid?.() ?? 0;
  const fd = (socket as unknown as { _handle?: { fd?: number } })._handle?.fd;
  const system = tryPlatform();
  if (system === undefined || fd === undefined || fd < 0) return { userId: own };
  try {
    const userId = system.getPeerUserId(fd);
    return userId === own || userId === 0 ? { userId } : undefined;
  } catch {
    return undefined;
  }
}

/** The first line, or undefined where it does not come or is too long. */
function readLine(socket: Socket): Promise<string | undefined> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let length = 0;
    const finish = (text: string | undefined): void => {
      socket.off('data', onData);
      resolve(text);
    };
    const onData = (chunk: Buffer): void => {
      const end = chunk.indexOf(0x0a);
      chunks.push(end < 0 ? chunk : chunk.subarray(0, end));
      length += chunk.length;
      if (end >= 0) finish(Buffer.concat(chunks).toString('utf8'));
      else if (length > maxRequestBytes) finish(undefined);
    };
    socket.on('data', onData);
    socket.once('end', () => finish(undefined));
    socket.once('close', () => finish(undefined));
  });
}

function cannotListen(path: string, reason: string): SshError {
  return new SshError(`no control socket at ${path}: ${reason}`, {
    code: 'connect-failed',
    stage: 'config',
    remedy: 'Set ControlSocket to a place in a folder that is the server’s alone, or to none.',
  });
}
