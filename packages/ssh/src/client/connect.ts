/** connect(): from a name to a connection that is logged in. */
import { userInfo } from 'node:os';
import type { Duplex } from 'node:stream';
import { withAuthFailure } from '../auth/auth-error.ts';
import { type ClientAuthOptions, type ClientAuthResult, ClientLogin } from '../auth/index.ts';
import { findAgreement } from '../crypto/agreement/table.ts';
import { disconnectReasons, SshError, toSshError, type UnusableKey } from '../errors.ts';
import { StreamDriver, systemClock } from '../io/index.ts';
import { fingerprint } from '../keys/index.ts';
import { Transport } from '../transport/index.ts';
import { version } from '../version.ts';
import { ClientConnection } from './client-connection.ts';
import type { ConfiguredConnectOptions } from './configured/connect-configured.ts';
import { abortError, dial, remoteAddress } from './dial.ts';
import type { HostKeyQuestion } from './host-key-policy.ts';
import { bindingOf } from './lending.ts';
import type { ConnectOptions } from './options.ts';
import { offeredSigners } from './signers.ts';
import { parseTarget, type Target } from './target.ts';

const defaultTimeoutMs = 30_000;

/**
 * Connects, verifies the server, logs in.
 *
 * @param target - `[user@]host[:port]`, `ssh://…`, or the parts.
 * @throws SshError with the `stage` that failed: dns, tcp, identification, kex, host-key, auth.
 * @example
 * const server = await connect('ada@example.com', { hostKeys: knownHosts() });
 * const { stdout } = await server.exec('uname -a');
 * await server.close();
 */
export async function connect(target: string | Target, options: ConnectOptions): Promise<ClientConnection>;
/**
 * Connects as `ssh` would: by `~/.ssh/config` and `/etc/ssh/ssh_config`, or the files that `config` names. They settle the
 * address, the user, keys, certificates and agent, known hosts, algorithms, times, jump hosts (each with its own settings, its
 * own key checked) and ProxyCommand. What is given beside `config` outweighs the files.
 *
 * Nothing is asked of a terminal: hosts that no file knows are refused unless `callbacks.onUnknownHost` says yes or the file
 * has StrictHostKeyChecking `accept-new` or `no`. Forwards of the files (LocalForward, RemoteForward, DynamicForward), and what
 * belongs to a session or to a person's ssh (RemoteCommand, SendEnv, ForwardAgent, ControlMaster, LocalCommand …) are not acted
 * upon: a program opens what it wants by `forwardLocal()`, `exec()` and so on.
 *
 * @throws SshError as above, and of stage `config`, with file, line and keyword, for files that are wrong.
 * @example
 * const server = await connect('web', { config: true });
 * const other = await connect('web', { config: { files: ['deploy/ssh_config'], overrides: ['ProxyJump bastion'] } });
 */
export async function connect(target: string | Target, options: ConfiguredConnectOptions): Promise<ClientConnection>;
export async function connect(
  target: string | Target,
  options: ConnectOptions | ConfiguredConnectOptions,
): Promise<ClientConnection> {
  if (options !== undefined && 'config' in options && options.config) {
    const { connectConfigured } = await import('./configured/connect-configured.ts');
    return await connectConfigured(target, options, connectTo);
  }
  return await connectTo(target, options as ConnectOptions);
}

async function connectTo(target: string | Target, options: ConnectOptions): Promise<ClientConnection> {
  const { host, port = 22, user: targetUser } = parseTarget(target);
  if (typeof options?.hostKeys?.verify !== 'function') {
    throw new SshError('connect() needs to know whom to trust: options.hostKeys is missing', {
      code: 'misuse',
      stage: 'usage',
      remedy: 'Give hostKeys: knownHosts(), or pinnedHostKeys("SHA256:…").',
    });
  }
  const user = options.user ?? targetUser ?? userInfo().username;
  const deadline = startDeadline(options, host, port);
  let stream = options.stream;
  // The server gets ready while we look up what we know of it.
  const dialing = stream === undefined ? dial(host, port, options, deadline.signal) : undefined;
  dialing?.catch(() => {});
  let transport: Transport | undefined;
  let question: HostKeyQuestion | undefined;
  try {
    const preferred = options.algorithms?.hostKey ?? (await preferredAlgorithms(options, host, port));
    const driver = stream !== undefined ? new StreamDriver(stream) : ((await dialing) as StreamDriver);
    stream = driver.stream;
    const address = remoteAddress(driver);
    const link = new Transport({
      role: 'client',
      sink: driver,
      clock: systemClock,
      version,
      algorithms: { ...options.algorithms, ...(preferred && { hostKey: preferred }) },
      verifyHostKey: async (key) => {
        // A person may be asked here, who takes the time that a person takes.
        deadline.clear();
        options.log?.(1, `Server host key: ${key.type} ${fingerprint(key)}`);
        question = { host, port, address, key };
        await options.hostKeys.verify(question);
      },
      ...(options.requiredRsaBits !== undefined && { requiredRsaBits: options.requiredRsaBits }),
      ...(options.versionAddendum !== undefined && { versionAddendum: options.versionAddendum }),
      ...(options.rekey && { rekey: options.rekey }),
      ...(options.requireStrictKex !== undefined && { requireStrictKex: options.requireStrictKex }),
      ...(options.log && { log: options.log }),
      ...(options.logPackets !== undefined && { logPackets: options.logPackets }),
      onIdentified: () => options.log?.(1, `Authenticating to ${host}:${port} as '${user}'`),
      ...(options.onNotice && { onNotice: options.onNotice }),
      // The deadline above counts from the call, and stops for a person's answer.
      handshakeTimeoutMs: 0,
    });
    transport = link;
    const onAbort = () => link.fail(abortError(deadline.signal, host, port));
    deadline.signal.addEventListener('abort', onAbort, { once: true });
    if (deadline.signal.aborted) onAbort();
    driver.drive(link);
    if (dialing !== undefined) driver.setReading(true);
    options.onConnect?.({ address, port, stream: driver.stream });
    const loggingIn = new Login(link, user, options, driver.stream);
    await link.handshake(() => {
      tellHandshake(link, address, options);
      return loggingIn.firstRequest();
    });
    deadline.clear();
    const login = await loggingIn.finish();
    deadline.signal.removeEventListener('abort', onAbort);
    return new ClientConnection(link, driver.stream, {
      target: { host, port, user },
      address,
      login,
      options,
      question,
    });
  } catch (error) {
    // Also what a callback of the caller's threw: nothing is left open behind a call that failed.
    const failure = callersFault(error);
    if (transport !== undefined) transport.fail(failure);
    else if (stream !== undefined) stream.destroy();
    else
      void dialing?.then(
        (driver) => driver.stream.destroy(),
        () => {},
      );
    throw failure;
  } finally {
    deadline.end();
  }
}

/** Before anything of the login is sent: whoever throws here has asked the server for nothing. */
function tellHandshake(link: Transport, address: string | undefined, { onHandshake }: ConnectOptions): void {
  try {
    onHandshake?.({
      serverIdentification: link.peerIdentification,
      address,
      algorithms: link.negotiated,
      isPostQuantum: findAgreement(link.negotiated?.kex ?? '')?.postQuantum === true,
    });
  } catch (error) {
    throw callersFault(error);
  }
}

/** What a callback of the caller's threw. */
function callersFault(error: unknown): SshError {
  return toSshError(error, { code: 'misuse', stage: 'usage', disconnect: disconnectReasons.byApplication });
}

async function preferredAlgorithms({ hostKeys }: ConnectOptions, host: string, port: number) {
  try {
    return await hostKeys.preferredAlgorithms?.(host, port);
  } catch (error) {
    throw toSshError(error, { code: 'host-key-refused', stage: 'host-key' });
  }
}

/** A login with the keys and answers of the options. */
class Login {
  readonly #transport: Transport;
  readonly #user: string;
  readonly #options: ConnectOptions;
  readonly #stream: Duplex;
  readonly #unusable: UnusableKey[] = [];
  #begun: ClientLogin | undefined;

  constructor(transport: Transport, user: string, options: ConnectOptions, stream: Duplex) {
    this.#transport = transport;
    this.#user = user;
    this.#options = options;
    this.#stream = stream;
  }

  firstRequest(): Buffer {
    return this.#login.firstRequest();
  }

  async finish(): Promise<ClientAuthResult> {
    try {
      return await this.#login.finish();
    } catch (error) {
      if (!(error instanceof SshError) || error.authFailure === undefined) throw error;
      // What login cannot know: the files and agents behind the keys.
      throw withAuthFailure(error, { ...error.authFailure, unusable: this.#unusable });
    }
  }

  /** Made once the keys are agreed on: an agent is bound to them. */
  get #login(): ClientLogin {
    this.#begun ??= new ClientLogin(this.#transport, this.#authOptions());
    return this.#begun;
  }

  #authOptions(): ClientAuthOptions {
    const options = this.#options;
    const { password, hostBased } = options;
    return {
      ...options.auth,
      user: this.#user,
      signers: offeredSigners(options, bindingOf(this.#transport), this.#unusable),
      ...(typeof password === 'function' && { password }),
      // A password that was wrong once is wrong the next time too.
      ...(typeof password === 'string' && { password: async ({ attempt }) => (attempt === 1 ? password : undefined) }),
      ...(hostBased && {
        hostBased: async () => (await import('./keysign.ts')).keysignIdentity(hostBased, this.#stream, options.log),
      }),
      ...(options.signal && { signal: options.signal }),
    };
  }
}

interface Deadline {
  readonly signal: AbortSignal;
  /** Ends the time limit; the caller's signal still counts. */
  clear(): void;
  end(): void;
}

/** One signal for the caller's abort and for the time limit. */
function startDeadline(options: ConnectOptions, host: string, port: number): Deadline {
  const controller = new AbortController();
  const timeoutMs = options.timeoutMs ?? defaultTimeoutMs;
  const onAbort = () => controller.abort(options.signal?.reason);
  if (options.signal?.aborted) onAbort();
  options.signal?.addEventListener('abort', onAbort, { once: true });
  const timer =
    timeoutMs === 0 ? undefined : setTimeout(() => controller.abort(timedOut(host, port, timeoutMs)), timeoutMs);
  return {
    signal: controller.signal,
    clear: () => clearTimeout(timer),
    end() {
      clearTimeout(timer);
      // A signal that serves many connections must not keep something of each.
      options.signal?.removeEventListener('abort', onAbort);
    },
  };
}

function timedOut(host: string, port: number, timeoutMs: number): SshError {
  return new SshError(`connect to host ${host} port ${port}: Connection timed out`, {
    code: 'timeout',
    stage: 'tcp',
    side: 'peer',
    remedy: `Check the address, or raise timeoutMs (${timeoutMs} now) on a slow path.`,
  });
}
