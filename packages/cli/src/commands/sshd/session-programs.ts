/** Starts a session's program, in a terminal or with pipes, and passes what goes between it and the client. */
import { closeSync } from 'node:fs';
import type { ServerSession } from '@nacre/ssh/connection';
import { prepareCiphers } from '@nacre/ssh/crypto';
import type { ServerConnection } from '@nacre/ssh/server';
import {
  type Account,
  bulkPipeBytes,
  type Pty,
  type SessionExit,
  type SessionRequest,
  type StartUpFile,
  startBareSession,
  startSession,
  tryPlatform,
} from '../../os/index.ts';
import type { Candidate } from './admission.ts';
import {
  type Output,
  type OutputPump,
  openInput,
  openOutput,
  pumpDescriptor,
  pumpInput,
  pumpLines,
  pumpStream,
} from './pump.ts';

const outputBufferBytes = 256 * 1024;
const errorBufferBytes = 16 * 1024;

/** What is to be started. */
export interface ProgramRequest {
  readonly account: Account;
  readonly command: string | undefined;
  readonly program?: SessionRequest['program'];
  readonly environment: Readonly<Record<string, string>>;
  readonly startUpFile: StartUpFile | undefined;
  readonly workingDirectory?: string;
}

/** A program that runs: what the handler needs of it. */
export interface Running {
  signal(name: string): boolean;
  hangUp(): void;
}

/** What becomes of a program's errors; undefined sends them to the client. */
type OnErrors = ((line: string) => void) | undefined;

/** A program that was started. */
export type Begun = Running & { readonly finished: Promise<SessionExit> };

/** Where no program of ours can be started, or none is needed. */
export async function runSftpHere(
  words: readonly string[],
  { account, isShutIn = false }: Candidate,
  connection: ServerConnection,
  session: ServerSession,
  onErrors: OnErrors,
): Promise<Begun> {
  const { serveSftpHere } = await import('./sftp-here.ts');
  const place = { isShutIn, say: onErrors ?? (() => {}) };
  return {
    finished: serveSftpHere(words, account, connection.peer, session, place).then((code) => ({ code })),
    signal: () => false,
    hangUp: () => {},
  };
}

/** @param greeting - shown before anything that the program prints. */
export async function runInTerminal(
  request: ProgramRequest,
  session: ServerSession,
  pty: Pty,
  greeting: string,
  output: Output,
): Promise<Begun> {
  let program: Awaited<ReturnType<typeof startSession>>;
  try {
    program = await startSession({ ...request, pty });
  } catch (error) {
    pty.close();
    throw error;
  }
  prepareCiphers();
  pumpInput(session.stream, program.stdin, () => {});
  // Once the request is answered: first the message of the day, then what the shell prints.
  const ended = new Promise<void>((resolve) => {
    setImmediate(() => {
      if (greeting !== '') output.write(Buffer.from(greeting.replaceAll('\n', '\r\n')), 'data');
      resolve(pumpStream(program.stdout, output, 'data').ended);
    });
  });
  return {
    finished: Promise.all([program.exit, ended]).then(([exit]) => exit),
    signal: (name) => program.signal(name),
    hangUp: () => program.hangUp(),
  };
}

/** @param onErrors - takes the program's errors, in place of the client. */
export async function runWithPipes(
  request: ProgramRequest,
  session: ServerSession,
  connection: ServerConnection,
  onErrors: OnErrors,
  output: Output,
): Promise<Begun> {
  const system = tryPlatform();
  const told = () => session.stopReading(connection.peer.identification);
  if (system === undefined) return runWithNodePipes(request, session, told, onErrors, output);
  const pipes = openPipes(() => system.openPipe());
  let program: Awaited<ReturnType<typeof startBareSession>>;
  try {
    program = await startBareSession(request, pipes.theirs);
  } catch (error) {
    for (const fd of pipes.ours) closeSync(fd);
    throw error;
  } finally {
    for (const fd of pipes.theirs) closeSync(fd);
  }
  const [inputFd, outputFd, errorFd] = pipes.ours;
  const grow = (fd: number): void => system.growPipe(fd, bulkPipeBytes);
  const input = openInput(inputFd);
  pumpInput(session.stream, input, told, () => grow(inputFd));
  const outputs = [
    pumpDescriptor(outputFd, output, 'data', { bufferBytes: outputBufferBytes, grow }),
    onErrors === undefined
      ? pumpDescriptor(errorFd, output, 'stderr', { bufferBytes: errorBufferBytes, grow })
      : pumpLines(openOutput(errorFd), onErrors),
  ];
  return {
    finished: finish(program.exit, outputs),
    signal: (name) => program.signal(name),
    // As under OpenSSH a command without a terminal is not killed when its client goes: it sees its pipes closed.
    hangUp() {
      input.destroy();
      for (const output of outputs) output.stop();
    },
  };
}

/** Without the native helper: Node's own pipes, which are sockets to the program. */
async function runWithNodePipes(
  request: ProgramRequest,
  session: ServerSession,
  told: () => void,
  onErrors: OnErrors,
  output: Output,
): Promise<Begun> {
  const program = await startSession(request);
  pumpInput(session.stream, program.stdin, told);
  const outputs = [pumpStream(program.stdout, output, 'data')];
  if (program.stderr !== undefined) {
    const { stderr } = program;
    outputs.push(onErrors === undefined ? pumpStream(stderr, output, 'stderr') : pumpLines(stderr, onErrors));
  }
  return {
    finished: finish(program.exit, outputs),
    signal: (name) => program.signal(name),
    hangUp() {
      program.stdin.destroy();
      for (const output of outputs) output.stop();
    },
  };
}

/** The channel closes when the program is gone and whoever inherited its output closed that too. */
async function finish(exit: Promise<SessionExit>, outputs: readonly OutputPump[]): Promise<SessionExit> {
  const [result] = await Promise.all([exit, ...outputs.map((output) => output.ended)]);
  return result;
}

interface Pipes {
  readonly theirs: readonly [stdin: number, stdout: number, stderr: number];
  readonly ours: readonly [stdin: number, stdout: number, stderr: number];
}

function openPipes(open: () => { readFd: number; writeFd: number }): Pipes {
  const made: { readFd: number; writeFd: number }[] = [];
  try {
    const [input, output, errors] = [0, 1, 2].map(() => {
      const pipe = open();
      made.push(pipe);
      return pipe;
    }) as [(typeof made)[0], (typeof made)[0], (typeof made)[0]];
    return {
      theirs: [input.readFd, output.writeFd, errors.writeFd],
      ours: [input.writeFd, output.readFd, errors.readFd],
    };
  } catch (error) {
    for (const { readFd, writeFd } of made) for (const fd of [readFd, writeFd]) closeSync(fd);
    throw error;
  }
}
