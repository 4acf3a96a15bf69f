/** Makes the TCP connection: name lookup, both address families, a deadline, and errors that name the stage. */
import { connect as connectSocket, type Socket, type TcpNetConnectOpts } from 'node:net';
import { SshError } from '../errors.ts';
import { isForcedOff } from '../fast-paths.ts';
import { readBuffer, StreamDriver } from '../io/index.ts';
import type { ConnectOptions } from './options.ts';

/** Connects; the driver reads nothing until it has a transport and is told to: setReading(true). */
export async function dial(
  host: string,
  port: number,
  options: ConnectOptions,
  signal: AbortSignal,
): Promise<StreamDriver> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await dialOnce(host, port, options, signal);
    } catch (error) {
      const isHopeless = !(error instanceof SshError) || error.code !== 'connect-failed';
      if (isHopeless || attempt >= (options.attempts ?? 1)) throw error;
      await pause(betweenAttemptsMs, signal, host, port);
      options.log?.(1, 'Trying again...');
    }
  }
}

/** As ConnectionAttempts of ssh_config has it. */
const betweenAttemptsMs = 1000;

function pause(ms: number, signal: AbortSignal, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const onAbort = () => {
      clearTimeout(timer);
      reject(abortError(signal, host, port));
    };
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', onAbort);
      resolve();
    }, ms);
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });
  });
}

function dialOnce(host: string, port: number, options: ConnectOptions, signal: AbortSignal): Promise<StreamDriver> {
  return new Promise((resolve, reject) => {
    let driver: StreamDriver | undefined;
    const socket = connectSocket({
      host,
      port,
      // Tries the next address while the first one is still silent.
      autoSelectFamily: options.family === undefined,
      ...(options.family !== undefined && { family: options.family }),
      ...(options.localAddress !== undefined && { localAddress: options.localAddress }),
      noDelay: true,
      keepAlive: options.tcpKeepAlive ?? true,
      allowHalfOpen: true,
      ...(!isForcedOff('NACRE_ONREAD') && {
        onread: {
          buffer: () => driver?.nextBuffer() ?? readBuffer(),
          callback: (byteCount: number, buffer: Uint8Array) => driver?.onRead(byteCount, buffer) ?? true,
        },
      }),
    } as TcpNetConnectOpts);
    socket.pause();
    logAttempts(socket, host, options);
    const onAbort = () => {
      socket.destroy();
      reject(abortError(signal, host, port));
    };
    const onError = (error: Error) => {
      signal.removeEventListener('abort', onAbort);
      reject(dialError(error, host, port));
    };
    signal.addEventListener('abort', onAbort, { once: true });
    socket.once('error', onError);
    socket.once('connect', () => {
      signal.removeEventListener('abort', onAbort);
      socket.off('error', onError);
      driver = new StreamDriver(socket);
      resolve(driver);
    });
  });
}

/** Each address that is tried, and why it was left; Node tells of them from 20.12 on. */
function logAttempts(socket: Socket, host: string, { log }: ConnectOptions): void {
  if (log === undefined) return;
  socket.on('connectionAttempt', (address: string, port: number) => {
    log(1, `Connecting to ${host} [${address}] port ${port}.`);
  });
  socket.on('connectionAttemptFailed', (address: string, port: number, _family: number, error: unknown) => {
    const { code = '', message } = error as NodeJS.ErrnoException;
    log(1, `connect to address ${address} port ${port}: ${tcpText[code] ?? message}`);
  });
}

/** The address a driver is connected to, where it is a socket. */
export function remoteAddress(driver: StreamDriver): string | undefined {
  return (driver.stream as Partial<Socket>).remoteAddress;
}

export function abortError(signal: AbortSignal, host: string, port: number): SshError {
  const { reason } = signal;
  if (reason instanceof SshError) return reason;
  return new SshError(`connecting to ${host} port ${port} was aborted`, {
    code: 'aborted',
    stage: 'tcp',
    cause: reason,
  });
}

function dialError(error: NodeJS.ErrnoException, host: string, port: number): SshError {
  if (error.syscall === 'getaddrinfo') {
    return new SshError(`Could not resolve hostname ${host}: ${dnsText[error.code ?? ''] ?? error.message}`, {
      code: 'dns-failed',
      stage: 'dns',
      remedy: 'Check the name, and that this machine can look names up.',
      cause: error,
    });
  }
  const first = error instanceof AggregateError ? (error.errors[0] as NodeJS.ErrnoException) : error;
  return new SshError(`connect to host ${host} port ${port}: ${tcpText[first.code ?? ''] ?? first.message}`, {
    code: 'connect-failed',
    stage: 'tcp',
    remedy: 'Check the address and port, that the server runs, and that no firewall stands between.',
    cause: error,
  });
}

/** The C library's words, which scripts look for. */
const dnsText: Readonly<Record<string, string>> = {
  ENOTFOUND: 'Name or service not known',
  EAI_AGAIN: 'Temporary failure in name resolution',
};
const tcpText: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'Connection refused',
  ETIMEDOUT: 'Connection timed out',
  EHOSTUNREACH: 'No route to host',
  ENETUNREACH: 'Network is unreachable',
  ECONNRESET: 'Connection reset by peer',
  EADDRNOTAVAIL: 'Cannot assign requested address',
};
