/** Lends our display to the server (RFC 4254 §6.3): a fake cookie goes there, and who brings it back is let in. */
import { connect } from 'node:net';
import type { Duplex } from 'node:stream';
import {
  type ChannelOpenHandler,
  ChannelStream,
  type ClientSession,
  type IncomingOpen,
  openFailureReasons,
  x11,
  x11Req,
} from '../../connection/index.ts';
import { randomBytes } from '../../crypto/index.ts';
import { SshError, toSshError } from '../../errors.ts';
import { connected, join } from '../../io/index.ts';
import type { Clock } from '../../transport/index.ts';
import { printable } from '../../wire/index.ts';
import { type Display, parseDisplay } from './display.ts';
import { SetupGate } from './setup-gate.ts';
import { type Cookie, obtainCookie } from './xauth.ts';

export interface X11Options {
  /** Where the X server is. Default: the environment's DISPLAY. */
  readonly display?: string;
  /**
   * Gives programs of the server everything that local ones may: see all windows, read all keys. Default false: they are held
   * apart by the X server's SECURITY extension.
   */
  readonly trusted?: boolean;
  /** How long untrusted programs may connect; 0 for as long as the connection lives. Default 1200. */
  readonly timeoutSeconds?: number;
  /** xauth. Default `/usr/bin/xauth`. */
  readonly xauthPath?: string;
  /** Told where the display has no cookie, so that a random one stands in for it. Default: a line in the log. */
  readonly onWarning?: (text: string) => void;
  /** One connection only. */
  readonly singleConnection?: boolean;
}

/** A display that can be offered: its cookie is at hand. */
export interface PreparedX11 {
  readonly display: Display;
  readonly trusted: boolean;
  readonly cookie: Cookie;
  /** What the server gets instead of the cookie. */
  readonly fake: Buffer;
  /** When new connections are refused, on the clock. */
  readonly refuseAtMs: number;
}

export interface X11ForwardingHost {
  readonly clock: Clock;
  log(level: 1 | 2 | 3, text: string): void;
  /** What is offered to the server, for whoever sorts the channels of a shared connection. */
  offersDisplay(protocol: string, cookie: Buffer): void;
}

const defaultTimeoutSeconds = 1200;
const defaultXauthPath = '/usr/bin/xauth';

/** The X11 forwarding of one connection; all of its sessions share one display and one fake cookie. */
export class X11Forwarding {
  readonly #host: X11ForwardingHost;
  #preparing: Promise<PreparedX11> | undefined;
  #offered: PreparedX11 | undefined;
  /** Connections that are still let in. */
  #connectionsLeft = 0;
  readonly channelHandlers: ReadonlyMap<string, ChannelOpenHandler> = new Map([
    [x11.name, (open: IncomingOpen) => this.#accept(open)],
  ]);

  constructor(host: X11ForwardingHost) {
    this.#host = host;
  }

  /**
   * Gets the cookie, before any session waits for it.
   *
   * @throws SshError where there is no display, or no cookie for it; `misuse` where another one is forwarded already.
   */
  async prepare(options: X11Options): Promise<PreparedX11> {
    const text = options.display ?? process.env.DISPLAY ?? '';
    if (text === '') {
      throw new SshError('DISPLAY is not set', {
        code: 'misuse',
        stage: 'usage',
        remedy: 'Start an X server, or name a display.',
      });
    }
    const display = parseDisplay(text);
    this.#preparing ??= this.#prepare(display, options);
    const preparing = this.#preparing;
    try {
      const prepared = await preparing;
      if (prepared.display.name === display.name && prepared.trusted === (options.trusted ?? false)) return prepared;
    } catch (error) {
      // Another attempt may find an X server that has come up.
      if (this.#preparing === preparing) this.#preparing = undefined;
      throw error;
    }
    throw new SshError('another display is forwarded over this connection already', { code: 'misuse', stage: 'usage' });
  }

  /**
   * Offers the display on a session.
   *
   * @throws SshError `request-refused` where the server does not want it.
   */
  async request(
    session: ClientSession,
    prepared: PreparedX11,
    { singleConnection = false }: X11Options,
  ): Promise<void> {
    const connectionsBefore = this.#connectionsLeft;
    this.#offered = prepared;
    this.#connectionsLeft = singleConnection ? connectionsBefore + 1 : Number.POSITIVE_INFINITY;
    this.#host.offersDisplay(prepared.cookie.protocol, prepared.fake);
    const data = x11Req.data.encode({
      singleConnection,
      authProtocol: prepared.cookie.protocol,
      authCookie: prepared.fake.toString('hex'),
      screen: prepared.display.screen,
    });
    if (await session.channel.request(x11Req.name, data)) return;
    this.#connectionsLeft = connectionsBefore;
    throw new SshError('X11 forwarding request failed', {
      code: 'request-refused',
      stage: 'channel',
      side: 'peer',
      remedy: 'Its X11Forwarding, or the options of the key you logged in with, forbid it, or xauth is missing there.',
    });
  }

  async #prepare(display: Display, options: X11Options): Promise<PreparedX11> {
    const { trusted = false, timeoutSeconds = defaultTimeoutSeconds, xauthPath = defaultXauthPath } = options;
    const isLimited = !trusted && timeoutSeconds > 0;
    const refuseAtMs = isLimited ? this.#host.clock.now() + timeoutSeconds * 1000 : Number.POSITIVE_INFINITY;
    const cookie = await obtainCookie({
      display,
      trusted,
      timeoutSeconds,
      program: xauthPath,
      log: options.onWarning ?? ((text) => this.#host.log(1, text)),
    });
    return { display, trusted, cookie, fake: randomBytes(cookie.data.length), refuseAtMs };
  }

  async #accept(open: IncomingOpen): Promise<void> {
    const prepared = this.#offered;
    if (prepared === undefined || this.#connectionsLeft <= 0) {
      this.#host.log(1, 'the server tried to use a display that was not forwarded to it: refused');
      return open.refuse();
    }
    if (this.#host.clock.now() >= prepared.refuseAtMs) {
      this.#host.log(1, 'Rejected X11 connection after ForwardX11Timeout expired');
      return open.refuse(openFailureReasons.administrativelyProhibited, 'ForwardX11Timeout has expired');
    }
    const { originatorAddress, originatorPort } = x11.data.decode(open.data);
    this.#connectionsLeft--;
    this.#host.log(1, `client_request_x11: request from ${printable(originatorAddress)} ${originatorPort}`);
    let screen: Duplex;
    try {
      screen = await openDisplay(prepared.display);
    } catch (cause) {
      const { message } = toSshError(cause, { code: 'connect-failed', stage: 'channel' });
      this.#host.log(1, `connect ${prepared.display.name}: ${message}`);
      return open.refuse(openFailureReasons.connectFailed, 'the display cannot be reached');
    }
    try {
      this.#carry(new ChannelStream(open.accept()), screen, prepared);
    } catch {
      // The connection ended meanwhile.
      screen.destroy();
    }
  }

  #carry(program: Duplex, screen: Duplex, { cookie, fake }: PreparedX11): void {
    const gate = new SetupGate(cookie.protocol, fake, cookie.data);
    const stop = (): void => {
      program.off('data', take).off('end', giveUp).off('close', giveUp);
      screen.off('close', giveUp);
    };
    const giveUp = (): void => {
      stop();
      program.destroy();
      screen.destroy();
    };
    const take = (chunk: Buffer): void => {
      try {
        const opened = gate.receive(chunk);
        if (opened === undefined) return;
        stop();
        program.pause();
        if (opened.rest.length > 0) program.unshift(opened.rest);
        screen.write(opened.message);
        join(program, screen);
      } catch (error) {
        this.#host.log(1, (error as Error).message);
        giveUp();
      }
    };
    program.on('error', () => screen.destroy());
    screen.on('error', () => program.destroy());
    screen.once('close', giveUp);
    program.on('data', take).once('end', giveUp).once('close', giveUp);
  }
}

function openDisplay({ address }: Display): Promise<Duplex> {
  return connected(connect({ ...address, noDelay: true, allowHalfOpen: true }));
}
