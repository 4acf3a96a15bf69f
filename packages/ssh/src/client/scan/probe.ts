/** One connection of a scan: up to the server's proof of one host key, and no further. */
import type { LookupAddress } from 'node:dns';
import { connect, type Socket, type TcpNetConnectOpts } from 'node:net';
import { SshError, toSshError } from '../../errors.ts';
import { readBuffer, StreamDriver, systemClock } from '../../io/index.ts';
import type { PublicKey } from '../../keys/types.ts';
import { minRsaBitsOnRequest } from '../../limits.ts';
import { Transport } from '../../transport/transport.ts';
import { version } from '../../version.ts';
import { scanOffer } from './offer.ts';

export interface ProbeOptions {
  readonly host: string;
  readonly port: number;
  /** Where to connect: tried together where there are several. */
  readonly addresses: readonly LookupAddress[];
  /** Host key algorithms, the first one that the server has counts. */
  readonly algorithms: readonly string[];
  /** For connecting and the server's identification line; the same again for the key exchange. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  readonly log?: ((text: string) => void) | undefined;
}

/** What a connection brought to light; each part is there as far as it came. */
export interface Probe {
  address: string | undefined;
  identification: string | undefined;
  /** The host key algorithms that the server has. */
  offered: readonly string[] | undefined;
  /** The key, proved by the server's signature over this key exchange. */
  key: PublicKey | undefined;
  /** Why there is no key. */
  error: SshError | undefined;
}

/** Connects and asks for one host key. Never rejects. */
export function probe(options: ProbeOptions): Promise<Probe> {
  return new Promise((resolve) => {
    new ProbeConnection(options, resolve).start();
  });
}

class ProbeConnection {
  readonly #options: ProbeOptions;
  readonly #resolve: (probe: Probe) => void;
  readonly #found: Probe = {
    address: undefined,
    identification: undefined,
    offered: undefined,
    key: undefined,
    error: undefined,
  };
  #socket: Socket | undefined;
  #transport: Transport | undefined;
  #timer: NodeJS.Timeout | undefined;
  #isDone = false;

  constructor(options: ProbeOptions, resolve: (probe: Probe) => void) {
    this.#options = options;
    this.#resolve = resolve;
  }

  start(): void {
    const { signal } = this.#options;
    if (signal.aborted) {
      this.#finish(this.#aborted());
      return;
    }
    signal.addEventListener('abort', this.#onAbort, { once: true });
    this.#startTimer();
    try {
      this.#connect();
    } catch (error) {
      this.#finish(connectError(error as NodeJS.ErrnoException));
    }
  }

  #connect(): void {
    const { host, port, addresses } = this.#options;
    const [first] = addresses;
    let driver: StreamDriver | undefined;
    const socket = connect({
      host: addresses.length === 1 && first !== undefined ? first.address : host,
      port,
      autoSelectFamily: addresses.length > 1,
      lookup: (_name, { all }, done) => {
        // Looked up before, outside of the time that the host has.
        if (all === true) done(null, [...addresses]);
        else done(null, first?.address ?? '', first?.family ?? 4);
      },
      noDelay: true,
      allowHalfOpen: true,
      onread: {
        buffer: readBuffer(),
        callback: (byteCount: number, buffer: Uint8Array) => {
          const goesOn = driver?.onRead(byteCount, buffer) ?? true;
          this.#lookAtIdentification();
          return goesOn;
        },
      },
    } as TcpNetConnectOpts);
    this.#socket = socket;
    const onError = (error: NodeJS.ErrnoException) => this.#finish(connectError(error));
    socket.once('error', onError);
    socket.once('connect', () => {
      socket.off('error', onError);
      if (this.#isDone) return;
      this.#found.address = socket.remoteAddress;
      driver = new StreamDriver(socket);
      void this.#exchange(driver);
    });
  }

  async #exchange(driver: StreamDriver): Promise<void> {
    const { algorithms, log } = this.#options;
    const transport = new Transport({
      role: 'client',
      sink: driver,
      clock: systemClock,
      version,
      versionAddendum: 'keyscan',
      algorithms: { ...scanOffer, hostKey: algorithms },
      requiredRsaBits: minRsaBitsOnRequest,
      handshakeTimeoutMs: 0,
      onHostKeyOffer: (offered) => {
        this.#found.offered = offered;
      },
      // Asked only after the signature was found right. The connection ends before any key of it is taken into use.
      verifyHostKey: (key) => {
        this.#found.key = key;
        this.#finish(undefined);
        return Promise.reject(hasEnough);
      },
      ...(log !== undefined && { log: (level: 1 | 2 | 3, text: string) => level === 1 && log(text) }),
    });
    this.#transport = transport;
    driver.drive(transport);
    try {
      await transport.handshake();
    } catch (error) {
      this.#lookAtIdentification();
      this.#finish(toSshError(error, { code: 'protocol-error', stage: 'kex' }));
    }
  }

  /** A greeting gives the host its time anew, once: whoever drips bytes is out after two of them. */
  #lookAtIdentification(): void {
    const identification = this.#transport?.peerIdentification;
    if (this.#found.identification !== undefined || identification === undefined || identification === '') return;
    this.#found.identification = identification;
    this.#startTimer();
  }

  #startTimer(): void {
    clearTimeout(this.#timer);
    if (this.#isDone) return;
    this.#timer = setTimeout(() => this.#finish(timedOut(this.#options)), this.#options.timeoutMs);
  }

  readonly #onAbort = (): void => this.#finish(this.#aborted());

  #aborted(): SshError {
    const { reason } = this.#options.signal;
    return reason instanceof SshError
      ? reason
      : new SshError('the scan was aborted', { code: 'aborted', stage: 'tcp', cause: reason });
  }

  /** A goodbye in words would cost another packet; the server sees the end of the stream. */
  #finish(error: SshError | undefined): void {
    if (this.#isDone) return;
    this.#isDone = true;
    clearTimeout(this.#timer);
    this.#options.signal.removeEventListener('abort', this.#onAbort);
    if (this.#found.key === undefined) this.#found.error = error;
    // Closing a socket that is still connecting may tell of it.
    this.#socket?.on('error', () => {});
    this.#socket?.destroy();
    this.#resolve(this.#found);
  }
}

/** Never seen: the socket is closed before. */
const hasEnough = new SshError('only the host key was asked for', { code: 'closed', stage: 'host-key' });

function connectError(error: NodeJS.ErrnoException): SshError {
  const first = error instanceof AggregateError ? (error.errors[0] as NodeJS.ErrnoException) : error;
  return new SshError(first.message, { code: 'connect-failed', stage: 'tcp', cause: error });
}

function timedOut({ timeoutMs }: ProbeOptions): SshError {
  return new SshError(`no answer within ${timeoutMs} ms`, { code: 'timeout', stage: 'tcp', side: 'peer' });
}
