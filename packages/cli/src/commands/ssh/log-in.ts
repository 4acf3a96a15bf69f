/** A login to one host: the end of the way, or a hop on it. */
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { type ClientConnection, type ConnectOptions, connect } from '@nacre/ssh/client';
import { SshError } from '@nacre/ssh/errors';
import { connectOptions } from './connect-options.ts';
import { describeConnectFailure, type FailureFacts } from './failures.ts';
import type { Request } from './request.ts';

/** What becomes known of a connection while it is made. */
export interface LoginFacts extends FailureFacts {
  address: string | undefined;
  /** What carries it. */
  stream: Duplex | undefined;
}

export interface LoginOptions {
  /** What leads to the host; undefined for straight. */
  readonly stream?: Duplex | undefined;
  /** Told at -v once the stream stands. */
  readonly lines?: readonly string[];
  /** Puts options of connect() in place of ssh's. */
  readonly change?: ((options: ConnectOptions) => ConnectOptions) | undefined;
}

/** Connects to the host of the request, and fills in what comes to be known. Rejects as connect() does. */
export async function logIn(
  request: Request,
  facts: LoginFacts,
  { stream, lines = [], change = (unchanged) => unchanged }: LoginOptions = {},
): Promise<ClientConnection> {
  const { host, port, log } = request;
  const noteAddress = (address: string | undefined, carrier: Duplex) => {
    // A dialer's socket (ProxyUseFdpass) leads straight to the host as well.
    facts.address = address ?? (carrier instanceof Socket ? carrier.remoteAddress : undefined);
    facts.stream = carrier;
  };
  const options = change(connectOptions(request, noteAddress, lines));
  const connection = await connect({ host, port }, { ...options, ...(stream !== undefined && { stream }) });
  const where = facts.address === undefined ? 'via proxy' : `[${facts.address}]:${port}`;
  log.verbose(`Authenticated to ${host} (${where}) using "${connection.login.methods.at(-1)}".`);
  return connection;
}

/** Nothing is known before it begins. */
export function noFacts({ originalHost, host, port, user }: Request): LoginFacts {
  return { originalHost, host, port, user, address: undefined, stream: undefined };
}

/** Tells why it failed: who was refused, and what helps, stand in front of the one line that programs read. */
export async function tellLoginFailure(error: unknown, facts: LoginFacts, request: Request): Promise<void> {
  if (error instanceof SshError && error.authFailure !== undefined) {
    (await import('./login-report.ts')).tellRefusal(error.authFailure, request);
  }
  for (const line of describeConnectFailure(error, facts)) request.log.error(line);
}
