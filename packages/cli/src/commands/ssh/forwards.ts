/** -L, -R and -D: opened after login, in OpenSSH's words, and waited for at the end. */
import {
  type ActiveForward,
  type ClientConnection,
  type ForwardOptions,
  forwardLocal,
  forwardRemote,
} from '@nacre/ssh/client';
import { type Forward, type ForwardListen, type ForwardTarget, formatForward } from '@nacre/ssh/config';
import { SshError } from '@nacre/ssh/errors';
import { FatalError } from './end.ts';
import type { Request } from './request.ts';

/** The forwards of one connection. */
export interface ForwardSet {
  /** How many forwarded connections stand now. */
  readonly connectionCount: number;
  /** Settles when no forwarded connection stands any more. */
  idle(): Promise<void>;
  /** One more of -L or -D; false where it could not be opened, which the log says. */
  openLocal(forward: Forward): Promise<boolean>;
  /** One more of -R; undefined where it stands, otherwise the words for why not. */
  openRemote(forward: Forward): Promise<string | undefined>;
  /** Ends the listening at an address; connections that stand go on. False where nothing listens there. */
  cancel(side: 'local' | 'remote', listen: ForwardListen): Promise<boolean>;
  /** Ends all listening on this machine. */
  stopListening(): Promise<void>;
}

/**
 * Opens every forward of the settings.
 *
 * @throws FatalError where one fails and ExitOnForwardFailure says so.
 */
export async function openForwards(connection: ClientConnection, request: Request): Promise<ForwardSet> {
  const { settings } = request;
  const set = new Forwards(connection, request);
  if (settings.clearAllForwardings) return set;
  const failures: string[] = [];
  for (const forward of [...settings.localForward, ...settings.dynamicForward]) {
    if (!(await set.openLocal(forward))) failures.push('Could not request local forwarding.');
  }
  for (const forward of settings.remoteForward) {
    const failure = await set.openRemote(forward);
    if (failure !== undefined) failures.push(failure);
  }
  if (settings.exitOnForwardFailure && failures.length > 0) throw new FatalError(failures[0] as string);
  return set;
}

class Forwards implements ForwardSet {
  connectionCount = 0;
  readonly #connection: ClientConnection;
  readonly #request: Request;
  #waiting: (() => void)[] = [];
  #active: { side: 'local' | 'remote'; asked: ForwardListen; active: ActiveForward }[] = [];

  constructor(connection: ClientConnection, request: Request) {
    this.#connection = connection;
    this.#request = request;
  }

  idle(): Promise<void> {
    if (this.connectionCount === 0) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  async cancel(side: 'local' | 'remote', listen: ForwardListen): Promise<boolean> {
    const found = this.#active.find(
      (each) => each.side === side && (isSame(each.asked, listen) || isSame(each.active.listen, listen)),
    );
    if (found === undefined) return false;
    this.#active = this.#active.filter((each) => each !== found);
    await found.active.close();
    return true;
  }

  async stopListening(): Promise<void> {
    const local = this.#active.filter(({ side }) => side === 'local');
    this.#active = this.#active.filter(({ side }) => side !== 'local');
    await Promise.all(local.map(({ active }) => active.close()));
  }

  async openLocal(forward: Forward): Promise<boolean> {
    const { log } = this.#request;
    log.debug(
      1,
      `Local connections to ${describeListen(forward)} forwarded to remote address ${describe(forward.target)}`,
    );
    try {
      const active = await forwardLocal(this.#connection, forward, this.#options());
      this.#active.push({ side: 'local', asked: forward.listen, active });
      return true;
    } catch (error) {
      if (!(error instanceof SshError)) throw error;
      const { listen } = forward;
      const [, reason = error.message] = /^cannot listen to .*?: (.*)$/s.exec(error.message) ?? [];
      if (listen.kind === 'unix') log.error(`unix_listener: cannot bind to path ${listen.path}: ${reason}`);
      else {
        log.error(`bind [${listen.host ?? '127.0.0.1'}]:${listen.port}: ${reason}`);
        log.error(`channel_setup_fwd_listener_tcpip: cannot listen to port: ${listen.port}`);
      }
      log.error('Could not request local forwarding.');
      return false;
    }
  }

  async openRemote(forward: Forward): Promise<string | undefined> {
    const { log } = this.#request;
    const { listen, target } = forward;
    log.debug(1, `Remote connections from ${describeListen(forward)} forwarded to local address ${describe(target)}`);
    let active: ActiveForward;
    try {
      active = await forwardRemote(this.#connection, forward, this.#options());
    } catch (error) {
      if (!(error instanceof SshError) || error.code !== 'request-refused') throw error;
      const where = listen.kind === 'unix' ? `listen path ${listen.path}` : `listen port ${listen.port}`;
      if (this.#request.settings.exitOnForwardFailure) return `Error: remote port forwarding failed for ${where}`;
      log.info(`Warning: remote port forwarding failed for ${where}`);
      return undefined;
    }
    this.#active.push({ side: 'remote', asked: listen, active });
    if (listen.kind === 'tcp' && listen.port === 0 && active.listen.kind === 'tcp') {
      log.info(`Allocated port ${active.listen.port} for remote forward to ${describe(target)}`);
    }
    log.debug(1, `remote forward success for: listen ${formatForward({ ...forward, listen: active.listen })}`);
    return undefined;
  }

  #options(): ForwardOptions {
    const { settings, log } = this.#request;
    return {
      gatewayPorts: settings.gatewayPorts,
      unlinkFirst: settings.streamLocalBindUnlink,
      bindMask: settings.streamLocalBindMask,
      permitRemoteOpen: permitRule(settings.permitRemoteOpen),
      onConnection: ({ from, to }) => {
        this.connectionCount++;
        const target = to === undefined ? 'SOCKS' : describe(to);
        log.debug(1, `Connection to ${target} forwarding requested from ${from.address} port ${from.port}.`);
      },
      onEnd: () => {
        this.connectionCount--;
        if (this.connectionCount > 0) return;
        for (const settle of this.#waiting) settle();
        this.#waiting = [];
      },
      onFailure: (error) => {
        if (error.code === 'bad-message' || error.code === 'connection-lost') log.debug(1, error.message);
        else log.error(`channel: open failed: ${error.message}`);
      },
    };
  }
}

function isSame(a: ForwardListen, b: ForwardListen): boolean {
  if (a.kind === 'unix' || b.kind === 'unix') return a.kind === 'unix' && b.kind === 'unix' && a.path === b.path;
  return a.port === b.port && a.port !== 0 && a.host === b.host;
}

function describeListen({ listen }: Forward): string {
  return listen.kind === 'unix' ? listen.path : `${listen.host ?? 'LOCALHOST'}:${listen.port}`;
}

function describe(target: ForwardTarget): string {
  if (target.kind === 'socks') return 'socks:0';
  return target.kind === 'unix' ? target.path : `${target.host}:${target.port}`;
}

/** PermitRemoteOpen: `any`, `none`, or hosts and ports. */
function permitRule(rules: readonly string[]): (host: string, port: number) => boolean {
  if (rules[0] === 'any') return () => true;
  if (rules[0] === 'none') return () => false;
  const parsed = rules.map((rule) => {
    const at = rule.lastIndexOf(':');
    return { host: rule.slice(0, at).replace(/^\[|\]$/g, ''), port: rule.slice(at + 1) };
  });
  return (host, port) =>
    parsed.some(
      (rule) => (rule.host === '*' || rule.host === host) && (rule.port === '*' || Number(rule.port) === port),
    );
}
