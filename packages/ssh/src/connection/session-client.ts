/** A session as the client sees it (RFC 4254 §6): terminal, environment, program, signals, exit status. */

import type { Readable, Writable } from 'node:stream';
import { SshError } from '../errors.ts';
import { maxShownBytes } from '../limits.ts';
import { asBuffer, printable } from '../wire/index.ts';
import type { Channel } from './channel.ts';
import { type SessionSubject, startedSubject } from './channel-facts.ts';
import { ChannelStream } from './channel-stream.ts';
import { session } from './channels/session.ts';
import type { Connection, OpenOptions } from './connection.ts';
import { defaultKeystrokeIntervalMs } from './keystroke-pacer.ts';
import type { IncomingRequest } from './request-queue.ts';
import { breakRequest } from './requests/break.ts';
import { env } from './requests/env.ts';
import { eowOpenssh } from './requests/eow-openssh.ts';
import { exec } from './requests/exec.ts';
import { exitSignal } from './requests/exit-signal.ts';
import { exitStatus } from './requests/exit-status.ts';
import { ptyReq } from './requests/pty-req.ts';
import { shell } from './requests/shell.ts';
import { type SignalName, signal } from './requests/signal.ts';
import { subsystem } from './requests/subsystem.ts';
import { encodeTerminalModes, type TerminalModes } from './requests/terminal-modes.ts';
import { windowChange } from './requests/window-change.ts';
import { xonXoff } from './requests/xon-xoff.ts';

/** How the remote program ended; `neither` when the server closed the channel without saying. */
export type SessionExit =
  | { status: number }
  | { signal: string; coreDumped: boolean; message: string }
  | { neither: true };

/** A terminal's size: characters, and pixels where they are known. */
export interface TerminalSize {
  columns: number;
  rows: number;
  widthPixels?: number;
  heightPixels?: number;
}

export interface PtyOptions extends TerminalSize {
  /** The value of TERM. */
  term: string;
  modes?: TerminalModes;
}

interface RequestOptions {
  signal?: AbortSignal | undefined;
}

export interface SessionOptions extends OpenOptions {
  /** Handles further requests of the server's on this channel; all others are refused. */
  onRequest?: (request: IncomingRequest) => boolean | Promise<boolean>;
}

/** Opens a session channel. */
export async function openSession(connection: Connection, options: SessionOptions = {}): Promise<ClientSession> {
  const channel = await connection.openChannel(session.name, session.data.encode({}), {
    label: 'client-session',
    ...options,
  });
  return new ClientSession(channel, options);
}

/**
 * An open session. Calls may be made without waiting for the one before: the server handles them in order, which saves
 * round trips.
 */
export class ClientSession {
  readonly channel: Channel;
  /** stdin and stdout of the program. */
  readonly stream: ChannelStream;
  /** What the program writes to stderr. It must be read (or resumed): its bytes hold back stdout otherwise. */
  readonly stderr: Readable;
  /**
   * How the program ended; settles when the channel is closed, and everything it wrote is readable by then. Rejects
   * with the error that ended the connection. Nobody needs to wait for it.
   */
  readonly exit: Promise<SessionExit>;
  readonly #subject: SessionSubject = { kind: 'session' };
  #exit: SessionExit = { neither: true };
  /** Whether the client may handle ^S and ^Q itself (RFC 4254 §6.8), once the server said. */
  localFlowControl: boolean | undefined;

  constructor(channel: Channel, options: Pick<SessionOptions, 'onRequest'> = {}) {
    this.channel = channel;
    channel.subject = this.#subject;
    this.exit = new Promise((resolve, reject) => {
      void channel.closed.then((error) => {
        // A server may hang up right after the exit status; the program's fate is known then all the same.
        if (error === undefined || !('neither' in this.#exit)) resolve(this.#exit);
        else reject(error);
      });
    });
    this.exit.catch(() => {});
    this.stream = new ChannelStream(channel, {
      stderr: true,
      closeAfterEnd: false,
      onRequest: (request) => this.#handle(request) ?? options.onRequest?.(request) ?? false,
    });
    this.stderr = this.stream.stderr as Readable;
  }

  get stdin(): Writable {
    return this.stream;
  }

  get stdout(): Readable {
    return this.stream;
  }

  /** Asks for a terminal. The channel counts as interactive from now on: its small writes go before all bulk. */
  async pty(options: PtyOptions, request: RequestOptions = {}): Promise<void> {
    this.channel.beginTyping();
    this.#subject.terminal = { term: options.term };
    const { term, modes = new Map<number, number>() } = options;
    const data = ptyReq.data.encode({ term, ...sizeFields(options), modes: encodeTerminalModes(modes) });
    await this.#require(ptyReq.name, data, request, 'The server gives no terminal to this login.');
  }

  /**
   * Hides the moments at which keys are pressed from whoever sees the packets: small writes go out at a fixed pace, and while
   * somebody types fake ones fill the gaps, as far as the server answers pings. For terminals only: a write may wait for an
   * interval.
   *
   * @param intervalMs - the pace. Default 20.
   */
  obscureKeystrokes(intervalMs: number = defaultKeystrokeIntervalMs): void {
    this.channel.obscureKeystrokes(intervalMs);
  }

  /** Sets an environment variable. Servers accept few names and mostly ignore the others, so no reply is asked for. */
  env(name: string, value: string | Uint8Array): void {
    this.channel.notify(env.name, env.data.encode({ variable: toBytes(name), value: toBytes(value) }));
  }

  /** Starts the user's shell. */
  async shell(request: RequestOptions = {}): Promise<void> {
    this.channel.purpose = 'shell';
    this.#subject.start = 'shell';
    await this.#require(shell.name, shell.data.encode({}), request);
  }

  /** Runs a command; the server hands it to the user's shell. */
  async exec(command: string | Uint8Array, request: RequestOptions = {}): Promise<void> {
    this.channel.purpose = 'command';
    Object.assign(this.#subject, startedSubject({ kind: 'exec', command: toBytes(command).toString('utf8') }));
    await this.#require(exec.name, exec.data.encode({ command: toBytes(command) }), request);
  }

  /** Starts a subsystem such as sftp. */
  async subsystem(name: string, request: RequestOptions = {}): Promise<void> {
    this.channel.purpose = `subsystem:${name}`;
    Object.assign(this.#subject, startedSubject({ kind: 'subsystem', name }));
    const remedy = `The server does not offer ${name}; its administrator can enable it.`;
    await this.#require(subsystem.name, subsystem.data.encode({ subsystem: name }), request, remedy);
  }

  /** Delivers a signal to the program: its name without SIG. */
  signal(name: SignalName): void {
    this.channel.notify(signal.name, signal.data.encode({ signal: name }));
  }

  /** Tells the terminal's new size. */
  windowChange(size: TerminalSize): void {
    this.channel.notify(windowChange.name, windowChange.data.encode(sizeFields(size)));
  }

  /** Sends a break; returns whether the server could. */
  async sendBreak(lengthMs = 0, request: RequestOptions = {}): Promise<boolean> {
    return this.channel.request(breakRequest.name, breakRequest.data.encode({ lengthMs }), request);
  }

  /** Closes the channel now. What was received stays readable only until then. */
  close(): void {
    this.stream.destroy();
    this.channel.abort();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
    await this.channel.closed;
  }

  #handle(request: IncomingRequest): boolean | undefined {
    switch (request.type) {
      case exitStatus.name:
        this.#setExit(exitStatus.data.decode(request.data));
        return true;
      case exitSignal.name: {
        const { signal: name, coreDumped, message } = exitSignal.data.decode(request.data);
        this.#setExit({ signal: printable(name), coreDumped, message: printable(message.subarray(0, maxShownBytes)) });
        return true;
      }
      case eowOpenssh.name:
        eowOpenssh.data.decode(request.data);
        this.channel.dropOutput();
        return true;
      case xonXoff.name:
        this.localFlowControl = xonXoff.data.decode(request.data).clientCanDo;
        return true;
      default:
        return undefined;
    }
  }

  /** A program ends once: the first report counts. */
  #setExit(exit: SessionExit): void {
    if ('neither' in this.#exit) this.#exit = exit;
  }

  async #require(type: string, data: Uint8Array, request: RequestOptions, remedy?: string): Promise<void> {
    if (await this.channel.request(type, data, request)) return;
    throw new SshError(`the server refused the request ${type}`, {
      code: 'request-refused',
      stage: 'channel',
      side: 'peer',
      ...(remedy === undefined ? {} : { remedy }),
    });
  }
}

function sizeFields(size: TerminalSize) {
  const { columns, rows, widthPixels = 0, heightPixels = 0 } = size;
  return { columns, rows, widthPixels, heightPixels };
}

function toBytes(value: string | Uint8Array): Buffer {
  return typeof value === 'string' ? Buffer.from(value, 'utf8') : asBuffer(value);
}
