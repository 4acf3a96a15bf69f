/** A session of another ssh process over this connection, joined to the streams that it passed. */
import type { Readable } from 'node:stream';
import type { ClientConnection } from '@nacre/ssh/client';
import { type ClientSession, eowOpenssh, openSession } from '@nacre/ssh/connection';
import { SshError } from '@nacre/ssh/errors';
import { muxRefusal, type PassedDescriptors, type Passenger, type PassengerSession } from '@nacre/ssh/mux';
import { matchPattern } from '@nacre/ssh/trust';
import type { Request } from '../request.ts';
import { terminalWindowBytes } from '../session.ts';
import { readPassed } from './passed-input.ts';
import { type PassedOutput, writePassed } from './passed-output.ts';
import { type PassedStream, takeStreams } from './passed-stream.ts';
import { PassengerTerminal } from './passenger-terminal.ts';

export interface PassengerHost {
  readonly connection: ClientConnection;
  /** The master's own: its settings say what may be sent and lent. */
  readonly request: Request;
}

/**
 * Opens the session, and runs it until its end.
 *
 * @throws SshError `request-refused` where the server gives no further session: the client connects by itself then.
 */
export async function openPassengerSession(
  host: PassengerHost,
  asked: PassengerSession,
  { fds }: PassedDescriptors,
): Promise<Passenger> {
  const [stdin, stdout, stderr] = (await takeStreams(fds, ['read', 'write', 'write'])) as Triple;
  const streams = { stdin, stdout, stderr };
  let session: ClientSession | undefined;
  try {
    stdin.requireReadable();
    const lend = await prepareLent(host, asked);
    session = await openChannel(host, asked);
    lend?.(session);
    return new RunningSession(host, asked, session, streams);
  } catch (error) {
    session?.close();
    for (const each of Object.values(streams)) each.close();
    throw error;
  }
}

type Triple = [PassedStream, PassedStream, PassedStream];

async function openChannel({ connection }: PassengerHost, { wantsTerminal }: PassengerSession): Promise<ClientSession> {
  try {
    return await openSession(connection.connection, {
      ...(wantsTerminal && { windowBytes: terminalWindowBytes, interactive: true }),
    });
  } catch (error) {
    if (!(error instanceof SshError) || error.code !== 'channel-open-refused') throw error;
    throw muxRefusal('Session open refused by peer');
  }
}

/** What the client asks for and the master's settings allow: the agent and the display are the master's. */
async function prepareLent(
  { connection, request }: PassengerHost,
  { wantsAgent, wantsX11 }: PassengerSession,
): Promise<((session: ClientSession) => void) | undefined> {
  const { settings } = request;
  const forwardAgent = wantsAgent ? settings.forwardAgent : false;
  const forwardX11 = wantsX11 && settings.forwardX11;
  if (forwardAgent === false && !forwardX11) return undefined;
  const lent = await import('../lent.ts');
  return lent.prepareLent(connection, { ...request, settings: { ...settings, forwardAgent, forwardX11 } });
}

class RunningSession implements Passenger {
  readonly exit: Promise<number | undefined>;
  readonly terminalFailed: Promise<void>;
  readonly #session: ClientSession;
  readonly #streams: Record<'stdin' | 'stdout' | 'stderr', PassedStream>;
  readonly #out: PassedOutput;
  readonly #err: PassedOutput;
  readonly #terminal: PassengerTerminal | undefined;
  #isBroken = false;
  #input: { stop(): Promise<void> } | undefined;

  constructor(
    { connection, request }: PassengerHost,
    asked: PassengerSession,
    session: ClientSession,
    streams: Record<'stdin' | 'stdout' | 'stderr', PassedStream>,
  ) {
    this.#session = session;
    this.#streams = streams;
    const { stdout, stderr } = session;
    this.#out = writePassed(streams.stdout, { onDrain: () => stdout.resume(), onBroken: () => this.#break() });
    this.#err = writePassed(streams.stderr, { onDrain: () => stderr.resume(), onBroken: () => {} });
    const { obscureKeystrokeTimingMs } = request.settings;
    const say = (text: string) => void this.#err.write(Buffer.from(text));
    if (asked.wantsTerminal) {
      const { stdin } = streams;
      this.#terminal = new PassengerTerminal({ connection, session, stdin, obscureKeystrokeTimingMs, say }, asked);
    }
    this.terminalFailed = this.#startProgram(asked, request, say);
    this.exit = this.#run();
  }

  close(): void {
    this.#session.close();
    void this.#stop();
  }

  /** All requests go out at once. Settles where the server gives no terminal. */
  #startProgram(asked: PassengerSession, { settings, log }: Request, say: (text: string) => void): Promise<void> {
    const session = this.#session;
    const channel = session.channel.id;
    const granted = this.#terminal?.request();
    for (const [name, value] of environment(asked, settings)) {
      log.debug(1, `channel ${channel}: setting env ${name} = "${value}"`);
      session.env(name, value);
    }
    const { command } = asked;
    const kind = command.length === 0 ? 'shell' : asked.isSubsystem ? 'subsystem' : 'exec';
    const started =
      kind === 'shell'
        ? session.shell()
        : kind === 'exec'
          ? session.exec(command)
          : session.subsystem(command.toString('utf8'));
    started.catch((error: unknown) => {
      if (!isRefusal(error)) return;
      say(`${kind} request failed on channel ${channel}\r\n`);
      session.close();
    });
    return new Promise((resolve) => {
      granted?.catch((error: unknown) => {
        if (!isRefusal(error)) return;
        say('PTY allocation request failed\r\n');
        resolve();
      });
    });
  }

  /** Until the program has ended and all it wrote is written. */
  async #run(): Promise<number | undefined> {
    const { stdout, stderr, stdin, channel } = this.#session;
    const closedHere = new Promise<'closed-here'>((resolve) => {
      // The client went, or ChannelTimeout, or no program was started: the server may take its time to agree.
      channel.onAbort = () => resolve('closed-here');
    });
    join(stdout, this.#out);
    join(stderr, this.#err);
    const ended = Promise.all([stdout, stderr].map(streamEnd));
    const send = (chunk: Buffer, done: (isWanted: boolean) => void) =>
      channel.write(chunk, 'data', (error) => done(error === undefined));
    const take = this.#terminal?.filterInput(send) ?? send;
    try {
      this.#input = readPassed(this.#streams.stdin, { take, end: () => void stdin.end() });
      const left = this.#terminal?.left;
      const exit = await Promise.race([this.#session.exit, closedHere, ...(left === undefined ? [] : [left])]);
      // What stands in the way of the last bytes may be a terminal that is held.
      if (exit === 'left') return undefined;
      if (exit !== 'closed-here') await ended;
      await Promise.all([this.#out.flush(), this.#err.flush()]);
      return exit !== 'closed-here' && 'status' in exit ? exit.status : undefined;
    } finally {
      this.#session.close();
      await this.#stop();
    }
  }

  /** Nobody reads any more: the program there gets SIGPIPE as it would here. */
  #break(): void {
    if (this.#isBroken) return;
    this.#isBroken = true;
    this.#session.channel.notify(eowOpenssh.name, eowOpenssh.data.encode({}));
    void this.#input?.stop();
  }

  /** The streams have their flags back before the client hears that all is over. */
  async #stop(): Promise<void> {
    this.#isBroken = true;
    this.#terminal?.stop();
    // All of them first: with its flags back, an open file that they share would keep a reader waiting.
    await Promise.all([this.#input?.stop(), this.#out.stop(), this.#err.stop()]);
    for (const each of Object.values(this.#streams)) each.close();
  }
}

function join(source: Readable, output: PassedOutput): void {
  source.on('data', (chunk: Buffer) => {
    if (!output.write(chunk)) source.pause();
  });
}

function streamEnd(stream: Readable): Promise<void> {
  if (stream.readableEnded || stream.destroyed) return Promise.resolve();
  return new Promise((resolve) => {
    for (const event of ['end', 'close', 'error']) stream.once(event, () => resolve());
  });
}

function isRefusal(error: unknown): boolean {
  return error instanceof SshError && error.code === 'request-refused';
}

/** What SendEnv names of the client's environment, then SetEnv: both are the master's. */
function environment(asked: PassengerSession, { sendEnv, setEnv }: Request['settings']): (readonly [string, Buffer])[] {
  const split = (assignment: Buffer) => {
    const at = assignment.indexOf('=');
    return [assignment.toString('utf8', 0, at), assignment.subarray(at + 1)] as const;
  };
  const named = asked.environment.filter((each) => each.includes('=')).map(split);
  const sent = named.filter(([name]) => sendEnv.some((pattern) => matchPattern(name, pattern)));
  return [...sent, ...setEnv.map((each) => split(Buffer.from(each)))];
}
