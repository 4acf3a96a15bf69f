/** Asks a server at its control socket. */
import { connect } from 'node:net';
import { SshError } from '@nacre/ssh/errors';
import type { ControlAnswer, ControlRequest } from './protocol.ts';

const timeoutMs = 10_000;
/** Thousands of connections with their channels have room in it. */
const maxAnswerBytes = 64 * 1024 * 1024;

/**
 * Asks, and gives the answer's result.
 *
 * @throws SshError `connect-failed` where no server answers there, `operation-failed` with the server's words.
 */
export async function askServer(path: string, request: ControlRequest): Promise<unknown> {
  const text = await exchange(path, `${JSON.stringify(request)}\n`);
  let answer: ControlAnswer;
  try {
    answer = JSON.parse(text) as ControlAnswer;
  } catch (cause) {
    throw new SshError(`what answers at ${path} is no sshd of ours`, {
      code: 'bad-message',
      stage: 'usage',
      remedy: 'Check ControlSocket.',
      cause,
    });
  }
  if (answer.ok) return answer.result;
  throw new SshError(`the server at ${path} says: ${answer.error}`, { code: 'operation-failed', stage: 'usage' });
}

function exchange(path: string, question: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ path });
    const chunks: Buffer[] = [];
    let length = 0;
    const fail = (reason: string, cause?: unknown): void => {
      socket.destroy();
      reject(unreachable(path, reason, cause));
    };
    socket.setTimeout(timeoutMs, () => fail(`no answer within ${timeoutMs / 1000} seconds`));
    socket.once('error', (error: NodeJS.ErrnoException) => fail(reasonOf(error), error));
    socket.once('connect', () => socket.write(question));
    socket.on('data', (chunk: Buffer) => {
      chunks.push(chunk);
      length += chunk.length;
      if (length > maxAnswerBytes) fail('the answer has no end');
    });
    socket.once('end', () => {
      socket.destroy();
      if (length === 0) reject(unreachable(path, 'the server hung up: it answers root and its own user only'));
      else resolve(Buffer.concat(chunks).toString('utf8'));
    });
  });
}

function reasonOf({ code, message }: NodeJS.ErrnoException): string {
  if (code === 'ENOENT') return 'there is no such socket';
  if (code === 'ECONNREFUSED') return 'its server is gone';
  return code === 'EACCES' ? 'permission denied' : message;
}

function unreachable(path: string, reason: string, cause?: unknown): SshError {
  return new SshError(`no server answers at ${path}: ${reason}`, {
    code: 'connect-failed',
    stage: 'usage',
    remedy: 'Give the -f, -o and -p that the server was started with, or --socket.',
    cause,
  });
}
