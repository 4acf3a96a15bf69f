/** A session as the server sees it (RFC 4254 §6): requests in order to a handler, output, and the exit report. */

import type { Writable } from 'node:stream';
import { finished } from 'node:stream/promises';
import { maxCommandBytes, maxEnvironmentBytes, maxEnvironmentVariables } from '../limits.ts';
import type { Channel } from './channel.ts';
import { type SessionSubject, startedSubject } from './channel-facts.ts';
import { ChannelStream } from './channel-stream.ts';
import type { IncomingRequest } from './request-queue.ts';
import { breakRequest } from './requests/break.ts';
import { env } from './requests/env.ts';
import { eowOpenssh } from './requests/eow-openssh.ts';
import { exec } from './requests/exec.ts';
import { exitSignal } from './requests/exit-signal.ts';
import { exitStatus } from './requests/exit-status.ts';
import { ptyReq } from './requests/pty-req.ts';
import { shell } from './requests/shell.ts';
import { signal } from './requests/signal.ts';
import { subsystem } from './requests/subsystem.ts';
import { decodeTerminalModes } from './requests/terminal-modes.ts';
import { windowChange } from './requests/window-change.ts';

/** A terminal as the client describes it. */
export interface PtyRequest {
  term: string;
  columns: number;
  rows: number;
  widthPixels: number;
  heightPixels: number;
  modes: ReadonlyMap<number, number>;
}

/** What to run. The bytes of a command are kept beside its text, which may have lost what is no UTF-8. */
export type SessionStart =
  | { kind: 'shell' }
  | { kind: 'exec'; command: string; commandBytes: Buffer }
  | { kind: 'subsystem'; name: string };

type Verdict = boolean | Promise<boolean>;

/**
 * The application's side of a session. What it does not handle is refused. Requests come one at a time: the next one
 * waits until the verdict on this one is there.
 */
export interface SessionHandler {
  /** Start the program; resolve with true once it runs (not once it ended: that is what exit() is for). */
  onStart(start: SessionStart, session: ServerSession): Verdict;
  /** Give a terminal? `session.pty` is set when the verdict is yes. */
  onPty?(pty: PtyRequest, session: ServerSession): Verdict;
  /** Accept a variable? Only accepted ones stand in `session.environment`. */
  onEnvironment?(name: string, value: string, session: ServerSession): Verdict;
  onWindowChange?(pty: PtyRequest, session: ServerSession): void;
  /** A signal for the program, its name without SIG; any text of the peer's, so look it up in a list. */
  onSignal?(name: string, session: ServerSession): Verdict;
  onBreak?(lengthMs: number, session: ServerSession): Verdict;
  /** Any other request (x11-req, auth-agent-req@openssh.com …), to be decoded with its row in requests/table.ts. */
  onOther?(request: IncomingRequest, session: ServerSession): Verdict;
  /** The client sends no more input and reads no more output, or the connection ended. */
  onClosed?(session: ServerSession): void;
}

type Intercept = (request: IncomingRequest, session: ServerSession) => Verdict | undefined;

/** A session channel the client opened; make it in the handler for `session`, on the channel that was accepted. */
export class ServerSession {
  readonly channel: Channel;
  /** Input of the program to read, its output to write. EOF goes out when this and `stderr` have ended. */
  readonly stream: ChannelStream;
  readonly stderr: Writable;
  /** What the client set and the handler accepted, before the start. */
  readonly environment = new Map<string, string>();
  /** What the server itself tells the program: `SSH_AUTH_SOCK` of a forwarded agent, `DISPLAY` of a forwarded display. */
  readonly serverEnvironment = new Map<string, string>();
  /** What X11 clients must show at the forwarded display; `announce` tells the user's programs of it, where nothing else does. */
  display:
    | {
        readonly authProtocol: string;
        readonly authCookie: string;
        readonly announce?: (() => Promise<void>) | undefined;
      }
    | undefined;
  /** What the handler calls the terminal that it gave: `/dev/pts/3`. */
  terminalName: string | undefined;
  readonly #subject: SessionSubject = { kind: 'session' };
  readonly #handler: SessionHandler;
  readonly #intercept: Intercept | undefined;
  #environmentBytes = 0;
  #pty: PtyRequest | undefined;
  /** waiting → starting → started; back to waiting when the handler refused. */
  #state: 'waiting' | 'starting' | 'started' = 'waiting';
  #exiting = false;

  /** @param intercept - sees requests before `onOther` does; undefined leaves them to it. */
  constructor(channel: Channel, handler: SessionHandler, intercept?: Intercept) {
    this.channel = channel;
    channel.subject = this.#subject;
    this.#intercept = intercept;
    this.#handler = handler;
    this.stream = new ChannelStream(channel, {
      closeAfterEnd: false,
      onRequest: (request) => this.#handle(request),
      onClosed: () => handler.onClosed?.(this),
      breaksQuietly: true,
    });
    this.stderr = this.stream.createStderrWriter();
  }

  /** Whether a program was started, or is about to be: what prepares a start comes too late then. */
  get isStarted(): boolean {
    return this.#state !== 'waiting';
  }

  /** The terminal the client asked for and got, at its present size. */
  get pty(): PtyRequest | undefined {
    return this.#pty;
  }

  /**
   * Reports how the program ended, and closes the channel: all output written before, then exit-status, EOF, CLOSE.
   * Resolves when that was handed to the link, or the channel is closed otherwise.
   */
  async exit(status: number): Promise<void> {
    await this.#finish(exitStatus.name, exitStatus.data.encode({ status: status >>> 0 }));
  }

  /** The same for a program that a signal ended; its name without SIG. */
  async exitSignal(name: string, options: { coreDumped?: boolean; message?: string } = {}): Promise<void> {
    const { coreDumped = false, message = '' } = options;
    const data = { signal: Buffer.from(name), coreDumped, message: Buffer.from(message), language: Buffer.alloc(0) };
    await this.#finish(exitSignal.name, exitSignal.data.encode(data));
  }

  /**
   * Tells the client that the program reads no more input (eow@openssh.com). Only OpenSSH and nacre are told, since
   * others are known to end the connection over it.
   */
  stopReading(peerIdentification: string): void {
    if (/^SSH-2\.0-(OpenSSH_|nacre)/.test(peerIdentification)) {
      this.channel.notify(eowOpenssh.name, eowOpenssh.data.encode({}));
    }
  }

  async #finish(type: string, data: Buffer): Promise<void> {
    if (this.#exiting) return;
    this.#exiting = true;
    const report = () => this.channel.notifyInOrder(type, data);
    if (!this.stream.beforeEof(report)) report();
    this.stderr.end();
    this.stream.end();
    await finished(this.stream, { readable: false }).catch(() => {});
    this.channel.close();
  }

  #handle(request: IncomingRequest): Verdict {
    switch (request.type) {
      case shell.name:
        shell.data.decode(request.data);
        return this.#start({ kind: 'shell' });
      case exec.name: {
        const commandBytes = exec.data.decode(request.data).command;
        return this.#start({ kind: 'exec', command: commandBytes.toString('utf8'), commandBytes });
      }
      case subsystem.name:
        return this.#start({ kind: 'subsystem', name: subsystem.data.decode(request.data).subsystem });
      case ptyReq.name:
        return this.#requestPty(request.data);
      case env.name:
        return this.#setVariable(request.data);
      case windowChange.name:
        return this.#resize(request.data);
      case signal.name: {
        const name = signal.data.decode(request.data).signal;
        return this.#handler.onSignal?.(name, this) ?? false;
      }
      case breakRequest.name: {
        const { lengthMs } = breakRequest.data.decode(request.data);
        return this.#handler.onBreak?.(lengthMs, this) ?? false;
      }
      case eowOpenssh.name:
        return false;
      default:
        return this.#intercept?.(request, this) ?? this.#handler.onOther?.(request, this) ?? false;
    }
  }

  /** As in OpenSSH a session runs one program: when it has started, nothing that prepares a start is taken any more. */
  #start(start: SessionStart): Verdict {
    if (this.#state !== 'waiting') return false;
    if (start.kind === 'exec' && start.commandBytes.length > maxCommandBytes) return false;
    this.#state = 'starting';
    const settle = (started: boolean) => {
      this.#state = started ? 'started' : 'waiting';
      if (started) {
        this.channel.purpose = purposeOf(start);
        Object.assign(this.#subject, startedSubject(start));
      }
      return started;
    };
    const failed = (error: unknown): never => {
      settle(false);
      throw error;
    };
    // A verdict that is there at once is answered at once, ahead of anything the program writes.
    let verdict: Verdict = false;
    try {
      verdict = this.#handler.onStart(start, this);
    } catch (error) {
      failed(error);
    }
    return typeof verdict === 'boolean' ? settle(verdict) : verdict.then(settle, failed);
  }

  async #requestPty(data: Buffer): Promise<boolean> {
    const { modes, ...rest } = ptyReq.data.decode(data);
    if (this.#state !== 'waiting' || this.#pty !== undefined) return false;
    const pty: PtyRequest = { ...rest, modes: decodeTerminalModes(modes) };
    if (!(await this.#handler.onPty?.(pty, this))) return false;
    this.#pty = pty;
    const name = this.terminalName;
    this.#subject.terminal = { term: pty.term, ...(name !== undefined && { name }) };
    this.channel.beginTyping();
    return true;
  }

  async #setVariable(data: Buffer): Promise<boolean> {
    const { variable, value } = env.data.decode(data);
    const bytes = this.#environmentBytes + variable.length + value.length;
    if (this.#state !== 'waiting' || bytes > maxEnvironmentBytes) return false;
    if (this.environment.size >= maxEnvironmentVariables) return false;
    const name = variable.toString('utf8');
    const text = value.toString('utf8');
    // A NUL would cut the value short in the program's environment, an equals sign would make it another variable.
    if (name === '' || /[=\0]/.test(name) || text.includes('\0')) return false;
    if (!(await this.#handler.onEnvironment?.(name, text, this))) return false;
    this.#environmentBytes = bytes;
    this.environment.set(name, text);
    return true;
  }

  #resize(data: Buffer): boolean {
    const size = windowChange.data.decode(data);
    if (this.#pty === undefined) return false;
    this.#pty = { ...this.#pty, ...size };
    this.#handler.onWindowChange?.(this.#pty, this);
    return true;
  }
}

function purposeOf(start: SessionStart): string {
  if (start.kind === 'subsystem') return `subsystem:${start.name}`;
  return start.kind === 'exec' ? 'command' : 'shell';
}
