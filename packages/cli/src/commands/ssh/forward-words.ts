/** What ssh says of forwards and of what goes wrong with them, in OpenSSH's words. */
import type { ForwardedConnection, ListenFailure } from '@nacre/ssh/client';
import type { Forward, ForwardListen, ForwardTarget } from '@nacre/ssh/config';
import type { OpenRefusal } from '@nacre/ssh/connection';
import type { SshError } from '@nacre/ssh/errors';
import type { Log } from './log.ts';

/** `LOCALHOST:8080`: where something listens, as it was asked for. */
export function describeListen(listen: ForwardListen, withoutHost = 'LOCALHOST'): string {
  return listen.kind === 'unix' ? listen.path : `${listen.host ?? withoutHost}:${listen.port}`;
}

/** `db:80`, `/run/socket` or `socks:0`. */
export function describeTarget(target: ForwardTarget): string {
  if (target.kind === 'socks') return 'socks:0';
  return target.kind === 'unix' ? target.path : `${target.host}:${target.port}`;
}

/** `listen 8080, connect db:80`. */
export function describeRemote({ listen, target }: Forward): string {
  const where = listen.kind === 'tcp' && listen.host === undefined ? String(listen.port) : describeListen(listen);
  return `listen ${where}, connect ${describeTarget(target)}`;
}

/** Why nothing listens here. */
export function tellListenFailure({ listen }: Forward, error: SshError, log: Log): void {
  const { address, step, reason } = error.cause as ListenFailure;
  if (listen.kind === 'unix') log.error(`unix_listener: cannot bind to path ${address}: ${reason}`);
  else if (step === 'lookup') log.error(`channel_setup_fwd_listener_tcpip: getaddrinfo(${address}): ${reason}`);
  else {
    log.error(`bind [${address}]:${listen.port}: ${reason}`);
    log.error(`channel_setup_fwd_listener_tcpip: cannot listen to port: ${listen.port}`);
  }
  log.error('Could not request local forwarding.');
}

/** `channel 3: open failed: connect failed: Connection refused`. */
export function describeRefusal({ channel, reason, description }: OpenRefusal): string {
  const text = reasonTexts[reason] ?? 'unknown reason';
  return `channel ${channel}: open failed: ${text}${description === '' ? '' : `: ${description}`}`;
}

/** RFC 4254 §5.1. */
const reasonTexts: Readonly<Record<number, string>> = {
  1: 'administratively prohibited',
  2: 'connect failed',
  3: 'unknown channel type',
  4: 'resource shortage',
};

/** Why one connection was not carried on. */
export function tellConnectionFailure(error: SshError, { to }: ForwardedConnection, log: Log): void {
  const { code, cause, message } = error;
  if (code === 'channel-open-refused') log.info(describeRefusal(cause as OpenRefusal));
  else if (code === 'connect-failed' && to !== undefined) tellConnectFailure(cause, to, log);
  // A forward that waits for its server says how long it waited; anything else of this code is a client that went away.
  else if (code === 'connection-lost' && error.side === 'local') log.info(`forward: connection closed: ${message}`);
  else log.debug(1, message);
}

function tellConnectFailure(cause: unknown, to: NonNullable<ForwardedConnection['to']>, log: Log): void {
  const { code = '', syscall, message } = cause as NodeJS.ErrnoException;
  if (to.kind === 'unix') log.error(`connect to ${to.path} failed: ${systemTexts[code] ?? message}`);
  else if (syscall === 'getaddrinfo') {
    log.error(`connect_to ${to.host}: unknown host (${systemTexts[code] ?? message})`);
  } else {
    log.debug(1, `connect_to ${to.host} port ${to.port}: ${systemTexts[code] ?? message}`);
    log.error(`connect_to ${to.host} port ${to.port}: failed.`);
  }
}

const systemTexts: Readonly<Record<string, string>> = {
  EACCES: 'Permission denied',
  ECONNREFUSED: 'Connection refused',
  ENOENT: 'No such file or directory',
  ENOTFOUND: 'Name or service not known',
  EAI_AGAIN: 'Temporary failure in name resolution',
  ENETUNREACH: 'Network is unreachable',
  EHOSTUNREACH: 'No route to host',
  ETIMEDOUT: 'Connection timed out',
};
