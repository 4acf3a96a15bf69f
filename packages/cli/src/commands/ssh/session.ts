/** One session of ssh: terminal, environment and program asked for, our stdin, stdout and stderr joined to it, and how it ended. */
import type { Readable } from 'node:stream';
import type { ClientConnection } from '@nacre/ssh/client';
import { type ClientSession, eowOpenssh, openSession, type SessionExit } from '@nacre/ssh/connection';
import { SshError } from '@nacre/ssh/errors';
import { FatalError } from './end.ts';
import { sendEnvironment } from './environment.ts';
import type { ForwardSet } from './forwards.ts';
import { type Input, readInput, type TakeInput } from './local-input.ts';
import { openOutput } from './local-output.ts';
import type { Request } from './request.ts';
import type { TerminalSession } from './terminal-session.ts';

/** What is known before login: whether the server is asked for a terminal. */
export interface TerminalWish {
  readonly wanted: boolean;
  /** Our stdin is a terminal, which is put into raw mode. */
  readonly isLocal: boolean;
}

/** What a session is given by the connection that it runs over. */
export interface SessionSurroundings {
  readonly wish: TerminalWish;
  /** The forwards of the connection; asked for only by the escapes that change them. */
  openForwards(): Promise<ForwardSet>;
  /** The server has opened the session; its program is not started yet. */
  onOpen(): Promise<void>;
}

/** Memory for the output of a program in a terminal: little, so that Ctrl-C is not a long time behind what is on its way. */
export const terminalWindowBytes = 128 * 1024;

/** The program was ended by a signal, or nobody knows how it ended. */
const noStatus = -1;

/** Runs the session to its end and gives the exit status, `-1` where there is none. Rejects with what ended the connection under it. */
export async function runSession(
  connection: ClientConnection,
  request: Request,
  { wish, openForwards, onOpen }: SessionSurroundings,
): Promise<number> {
  const { log, settings } = request;
  const lends = settings.forwardAgent !== false || settings.forwardX11;
  const lend = lends ? await (await import('./lent.ts')).prepareLent(connection, request) : undefined;
  const session = await openSession(connection.connection, {
    ...(wish.wanted && { windowBytes: terminalWindowBytes, interactive: true }),
  });
  await onOpen();
  // Those who share the connection will want sessions as well.
  if (request.sharing === undefined) {
    log.debug(1, 'Requesting no-more-sessions@openssh.com');
    connection.connection.sendNoMoreSessions();
  }
  log.debug(1, 'Entering interactive session.');

  let terminal: TerminalSession | undefined;
  if (wish.wanted) {
    const { TerminalSession } = await import('./terminal-session.ts');
    terminal = new TerminalSession(connection, session, request, { isLocal: wish.isLocal, openForwards });
  }
  try {
    lend?.(session);
    const started = startProgram(session, request, terminal);
    // A terminal is set up by the answer. Without one the input follows the request at once, as OpenSSH has it: a round trip less.
    if (terminal !== undefined) await started;
    const exit = await joinStreams(session, request, terminal, started);
    // Whoever leaves by ~. leaves with everything, the sessions of others over this connection included.
    if (terminal?.hasLeft) await connection.close();
    return terminal?.hasLeft ? noStatus : exitStatus(exit);
  } finally {
    terminal?.stop();
    const closed = request.sharing === 'through' ? 'Shared connection' : 'Connection';
    if (wish.wanted && !terminal?.isInBackground) log.info(`${closed} to ${request.host} closed.`);
  }
}

/** All requests go out at once; the server answers them in order. */
async function startProgram(
  session: ClientSession,
  request: Request,
  terminal: TerminalSession | undefined,
): Promise<void> {
  const { log, settings, command } = request;
  const channel = session.channel.id;
  const isGranted = terminal?.request().catch((error: unknown) => {
    if (!(error instanceof SshError) || error.code !== 'request-refused') throw error;
    log.error(`PTY allocation request failed on channel ${channel}`);
  });
  sendEnvironment(session, request);
  const kind = command === undefined ? 'shell' : settings.sessionType === 'subsystem' ? 'subsystem' : 'exec';
  try {
    await Promise.all([isGranted, start()]);
  } catch (error) {
    if (!(error instanceof SshError) || error.code !== 'request-refused') throw error;
    throw new FatalError(`${kind} request failed on channel ${channel}`);
  }

  async function start(): Promise<void> {
    if (command === undefined) return session.shell();
    if (kind === 'subsystem') {
      log.debug(1, `Sending subsystem: ${command}`);
      return session.subsystem(command);
    }
    log.debug(1, `Sending command: ${command}`);
    return session.exec(command);
  }
}

/**
 * Joins our three streams to the program's and waits until all of its output is written.
 *
 * @param started - rejects where the program is not started.
 */
async function joinStreams(
  session: ClientSession,
  request: Request,
  terminal: TerminalSession | undefined,
  started: Promise<void>,
): Promise<SessionExit> {
  const input = startInput(session, request, terminal);
  const { channel, stdout, stderr } = session;
  let isBroken = false;
  const onBroken = () => {
    if (isBroken) return;
    isBroken = true;
    // The program there gets SIGPIPE as it would here; what it sent before that is dropped.
    channel.notify(eowOpenssh.name, eowOpenssh.data.encode({}));
    input?.stop();
  };
  let isHeld = false;
  const goOn = (stream: Readable) => {
    if (!isHeld) stream.resume();
  };
  const out = openOutput(1, { onDrain: () => goOn(stdout), onBroken });
  const err = openOutput(2, { onDrain: () => goOn(stderr), onBroken: () => {} });
  stdout.on('data', (chunk: Buffer) => {
    if (!out.write(chunk)) stdout.pause();
  });
  stderr.on('data', (chunk: Buffer) => {
    if (!err.write(chunk)) stderr.pause();
  });
  terminal?.start((hold) => {
    isHeld = hold;
    for (const stream of [stdout, stderr]) hold ? stream.pause() : stream.resume();
  });
  if (input !== undefined) terminal?.reads(input);
  const ended = Promise.all([stdout, stderr].map(streamEnd));
  try {
    const isIdle = whenIdle(session, request);
    const isOver = Promise.race([session.exit, isIdle, ...(terminal === undefined ? [] : [terminal.left])]);
    isOver.catch(() => {});
    await Promise.race([started, isIdle]);
    const exit = await isOver;
    if (exit === 'left' || exit === 'idle') return { neither: true };
    await ended;
    await Promise.all([out.flush(), err.flush()]);
    return exit;
  } finally {
    input?.stop();
  }
}

/** ChannelTimeout closed the channel: the server may take as long to agree as its program runs. */
function whenIdle({ channel }: ClientSession, { log }: Request): Promise<'idle'> {
  return new Promise((resolve) => {
    channel.onAbort = ({ message }) => {
      const [seconds = 'some'] = /[\d.]+(?= seconds)/.exec(message) ?? [];
      log.info(`channel ${channel.id}: closing after ${seconds} seconds of inactivity`);
      resolve('idle');
    };
  });
}

function streamEnd(stream: NodeJS.ReadableStream & { destroyed: boolean; readableEnded: boolean }): Promise<void> {
  if (stream.readableEnded || stream.destroyed) return Promise.resolve();
  return new Promise((resolve) => {
    stream.once('end', resolve);
    stream.once('close', resolve);
    stream.once('error', () => resolve());
  });
}

function startInput(
  session: ClientSession,
  { settings }: Request,
  terminal: TerminalSession | undefined,
): Input | undefined {
  const { channel } = session;
  const end = () => session.stdin.end();
  if (settings.stdinNull) {
    end();
    return undefined;
  }
  const send: TakeInput = (chunk, done) => channel.write(chunk, 'data', (error) => done(error === undefined));
  const take = terminal === undefined ? send : terminal.filterInput(send);
  return readInput(0, { take, end });
}

function exitStatus(exit: SessionExit): number {
  return 'status' in exit ? exit.status : noStatus;
}
