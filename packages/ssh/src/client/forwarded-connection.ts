/** One forwarded connection from its first byte to its last: SOCKS where it asks where to, then two streams joined. */
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { ForwardTarget } from '../config/index.ts';
import { SshError, toSshError } from '../errors.ts';
import { formatSocksReply, SocksHandshake, type SocksOutcome, type SocksRequest } from '../forward/index.ts';
import { connected, connectTapped, join } from '../io/index.ts';
import type { ForwardLedger } from './forward-ledger.ts';

/** Where a connection may go once it is known. */
export type Destination = Exclude<ForwardTarget, { kind: 'socks' }>;

/** Where a forwarded connection came from, and where it was to go. */
export interface ForwardedConnection {
  readonly from: { readonly address: string; readonly port: number };
  /** Undefined while whoever connected has not said so. */
  readonly to: Destination | undefined;
}

export interface ForwardHooks {
  readonly onConnection?: (connection: ForwardedConnection) => void;
  /** A connection that was told by `onConnection` has ended, whatever came of it. */
  readonly onEnd?: (connection: ForwardedConnection) => void;
  /** A connection that could not be carried on; the others are not disturbed. */
  readonly onFailure?: (error: SshError, connection: ForwardedConnection) => void;
}

export interface CarryPlan extends ForwardHooks {
  readonly target: ForwardTarget;
  readonly from: ForwardedConnection['from'];
  readonly ledger: ForwardLedger;
  /** Which end is this machine's: the one that came, or the one that is opened. */
  readonly localEnd: 'came' | 'opened';
  /** Opens the other end. */
  readonly open: (to: Destination) => Promise<Duplex>;
}

/** Carries a connection. Whatever happens to it, the forward goes on. */
export function carry(stream: Duplex, plan: CarryPlan): void {
  // Errors come from whichever end breaks first, and end the other.
  stream.on('error', () => {});
  const connection: { from: ForwardedConnection['from']; to: Destination | undefined } = {
    from: plan.from,
    to: undefined,
  };
  attempt(stream, plan, connection).catch((cause: unknown) => {
    if (!stream.writableEnded) stream.destroy();
    plan.onFailure?.(toSshError(cause, { code: 'connect-failed', stage: 'channel' }), connection);
  });
}

async function attempt(
  stream: Duplex,
  plan: CarryPlan,
  connection: { from: ForwardedConnection['from']; to: Destination | undefined },
): Promise<void> {
  const { target } = plan;
  const socks = target.kind === 'socks' ? await readSocks(stream) : undefined;
  const to: Destination =
    target.kind === 'socks' ? { kind: 'tcp', ...hostAndPort(socks as SocksRequest) } : (target as Destination);
  connection.to = to;
  plan.onConnection?.(connection);
  let other: Duplex;
  try {
    other = await plan.open(to);
  } catch (cause) {
    plan.onEnd?.(connection);
    if (socks !== undefined) stream.end(formatSocksReply(socks, outcomeOf(cause)));
    throw cause;
  }
  if (stream.destroyed) {
    other.destroy();
    plan.onEnd?.(connection);
    return;
  }
  plan.ledger.opened(plan.localEnd === 'came' ? stream : other);
  whenBothClosed(stream, other, () => plan.onEnd?.(connection));
  if (socks !== undefined) stream.write(formatSocksReply(socks, 'granted'));
  join(stream, other);
}

/** Connects from this machine. */
export function connectHere(to: Destination): Promise<Socket> {
  const socket =
    to.kind === 'unix'
      ? connectTapped({ path: to.path, allowHalfOpen: true })
      : connectTapped({ host: to.host, port: to.port, noDelay: true, allowHalfOpen: true });
  return connected(socket);
}

function hostAndPort({ host, port }: SocksRequest): { host: string; port: number } {
  return { host, port };
}

function whenBothClosed(a: Duplex, b: Duplex, tell: () => void): void {
  let open = 2;
  for (const stream of [a, b]) {
    stream.once('close', () => {
      open--;
      if (open === 0) tell();
    });
  }
}

/** Reads a SOCKS request and leaves what follows it in the stream. Rejects where it is none, or the client has gone. */
function readSocks(stream: Duplex): Promise<SocksRequest> {
  const handshake = new SocksHandshake();
  return new Promise((resolve, reject) => {
    const stop = (): void => {
      stream.off('data', take).off('close', gone).off('end', gone);
      stream.pause();
    };
    const gone = (): void => {
      stop();
      reject(new SshError('the SOCKS client has gone', { code: 'connection-lost', stage: 'channel', side: 'peer' }));
    };
    const take = (chunk: Buffer): void => {
      try {
        const { reply, request, rest } = handshake.receive(chunk);
        if (reply !== undefined) stream.write(reply);
        if (request === undefined) return;
        stop();
        if (rest.length > 0) stream.unshift(rest);
        resolve(request);
      } catch (error) {
        stop();
        reject(error as Error);
      }
    };
    stream.on('data', take).once('close', gone).once('end', gone);
  });
}

function outcomeOf(cause: unknown): SocksOutcome {
  const { code } = cause as { code?: string };
  if (code === 'request-refused') return 'not-allowed';
  return code === 'ECONNREFUSED' || code === 'channel-open-refused' ? 'refused' : 'unreachable';
}
