/** -L, -R and -D: opened after login, in OpenSSH's words, and waited for at the end. */
import {
  type ClientConnection,
  type ForwardedConnection,
  type ForwardOptions,
  type ForwardStatus,
  forwardLocal,
  forwardRemote,
  type KeptForwarding,
  type MeteredForward,
} from '@nacre/ssh/client';
import type { Forward, ForwardListen } from '@nacre/ssh/config';
import { SshError } from '@nacre/ssh/errors';
import { FatalError } from './end.ts';
import { watchStatusSignals } from './forward-status.ts';
import {
  describeListen,
  describeRemote,
  describeTarget,
  tellConnectionFailure,
  tellListenFailure,
} from './forward-words.ts';
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
  /** Every forward that stands. */
  list(): ForwardStatus[];
  /** How a forward of this connection is opened, for those that others ask for. */
  optionsFor(forward: Forward): ForwardOptions;
  /** What stands, for whoever cancels it later. */
  readonly standing: readonly StandingForward[];
}

export interface StandingForward {
  readonly forward: Forward & { readonly kind: 'local' | 'remote' | 'dynamic' };
  readonly active: MeteredForward;
}

/**
 * Opens every forward of the settings.
 *
 * @param server - one connection, or one that is made anew when it is lost.
 * @throws FatalError where one fails and ExitOnForwardFailure says so.
 */
export async function openForwards(server: ClientConnection | KeptForwarding, request: Request): Promise<ForwardSet> {
  const { settings, log } = request;
  const set = new Forwards(server, request);
  if (settings.clearAllForwardings) return set;
  const { exitOnForwardFailure } = settings;
  let isLocalWhole = true;
  for (const forward of [...settings.localForward, ...settings.dynamicForward]) {
    if (!(await set.openLocal(forward))) isLocalWhole = false;
  }
  // The words for it were said.
  if (!isLocalWhole && exitOnForwardFailure) throw new FatalError('');
  if (settings.remoteForward.length > 0) {
    log.debug(1, `ssh_init_forwarding: expecting replies for ${settings.remoteForward.length} forwards`);
  }
  for (const forward of settings.remoteForward) {
    const failure = await set.openRemote(forward);
    if (failure !== undefined && exitOnForwardFailure) throw new FatalError(failure);
  }
  watchStatusSignals(set, log);
  return set;
}

class Forwards implements ForwardSet {
  connectionCount = 0;
  readonly #server: ClientConnection | KeptForwarding;
  readonly #request: Request;
  #waiting: (() => void)[] = [];
  standing: StandingForward[] = [];

  constructor(server: ClientConnection | KeptForwarding, request: Request) {
    this.#server = server;
    this.#request = request;
  }

  idle(): Promise<void> {
    if (this.connectionCount === 0) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  list(): ForwardStatus[] {
    return this.standing.map(({ active }) => active.status());
  }

  async cancel(side: 'local' | 'remote', listen: ForwardListen): Promise<boolean> {
    const found = this.standing.find(
      ({ forward, active }) =>
        active.status().side === side && (isSame(forward.listen, listen) || isSame(active.listen, listen)),
    );
    if (found === undefined) return false;
    this.standing = this.standing.filter((each) => each !== found);
    await found.active.close();
    return true;
  }

  async stopListening(): Promise<void> {
    const local = this.standing.filter(({ forward }) => forward.kind !== 'remote');
    this.standing = this.standing.filter(({ forward }) => forward.kind === 'remote');
    await Promise.all(local.map(({ active }) => active.close()));
  }

  async openLocal(forward: Forward): Promise<boolean> {
    const { log, settings } = this.#request;
    const where = describeListen(forward.listen, settings.gatewayPorts ? '*' : undefined);
    log.debug(1, `Local connections to ${where} forwarded to remote address ${describeTarget(forward.target)}`);
    try {
      const active = await this.#local(forward);
      const kind = forward.target.kind === 'socks' ? 'dynamic' : 'local';
      this.standing.push({ forward: { ...forward, kind }, active });
      for (const { address, port } of active.bound) {
        log.debug(1, `Local forwarding listening on ${address} port ${port}.`);
      }
      if (forward.listen.kind === 'unix') log.debug(1, `Local forwarding listening on path ${forward.listen.path}.`);
      return true;
    } catch (error) {
      if (!(error instanceof SshError) || error.code !== 'connect-failed') throw error;
      tellListenFailure(forward, error, log);
      return false;
    }
  }

  async openRemote(forward: Forward): Promise<string | undefined> {
    const { log, settings } = this.#request;
    const { listen, target } = forward;
    log.debug(
      1,
      `Remote connections from ${describeListen(listen)} forwarded to local address ${describeTarget(target)}`,
    );
    let active: MeteredForward;
    try {
      active = await this.#remote(forward);
    } catch (error) {
      if (!(error instanceof SshError) || error.code !== 'request-refused') throw error;
      log.debug(1, `remote forward failure for: ${describeRemote(forward)}`);
      const where = listen.kind === 'unix' ? `listen path ${listen.path}` : `listen port ${listen.port}`;
      if (settings.exitOnForwardFailure) return `Error: remote port forwarding failed for ${where}`;
      log.info(`Warning: remote port forwarding failed for ${where}`);
      return undefined;
    }
    this.standing.push({ forward: { ...forward, kind: 'remote' }, active });
    log.debug(1, `remote forward success for: ${describeRemote(forward)}`);
    if (listen.kind === 'tcp' && listen.port === 0 && active.listen.kind === 'tcp') {
      log.info(`Allocated port ${active.listen.port} for remote forward to ${describeTarget(target)}`);
    }
    return undefined;
  }

  #local(forward: Forward): Promise<MeteredForward> {
    const server = this.#server;
    const options = this.optionsFor(forward);
    return 'local' in server ? server.local(forward, options) : forwardLocal(server, forward, options);
  }

  #remote(forward: Forward): Promise<MeteredForward> {
    const server = this.#server;
    const options = this.optionsFor(forward);
    return 'remote' in server ? server.remote(forward, options) : forwardRemote(server, forward, options);
  }

  optionsFor({ listen }: Forward): ForwardOptions {
    const { settings, log } = this.#request;
    const { addressFamily } = settings;
    return {
      gatewayPorts: settings.gatewayPorts,
      ...(addressFamily !== 'any' && { family: addressFamily === 'inet' ? 4 : 6 }),
      unlinkFirst: settings.streamLocalBindUnlink,
      bindMask: settings.streamLocalBindMask,
      permitRemoteOpen: permitRule(settings.permitRemoteOpen),
      onConnection: ({ from, to }: ForwardedConnection) => {
        this.connectionCount++;
        const where = listen.kind === 'unix' ? `path ${listen.path}` : `port ${listen.port}`;
        const target = to === undefined || to.kind === 'unix' ? `${to?.path ?? 'socks'}` : `${to.host} port ${to.port}`;
        log.debug(1, `Connection to ${where} forwarding to ${target} requested.`);
        log.debug(2, `originator ${from.address} port ${from.port}`);
      },
      onEnd: () => {
        this.connectionCount--;
        if (this.connectionCount > 0) return;
        for (const settle of this.#waiting) settle();
        this.#waiting = [];
      },
      onFailure: (error, connection) => tellConnectionFailure(error, connection, log),
    };
  }
}

function isSame(a: ForwardListen, b: ForwardListen): boolean {
  if (a.kind === 'unix' || b.kind === 'unix') return a.kind === 'unix' && b.kind === 'unix' && a.path === b.path;
  return a.port === b.port && a.port !== 0 && a.host === b.host;
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
