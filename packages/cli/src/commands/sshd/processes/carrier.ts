/** Has connections served by other processes: a worker speaks with the client, the monitor decides, a session host goes on as the user. */
import type { Socket } from 'node:net';
import { SshError } from '@nacre/ssh/errors';
import {
  asServerError,
  decideLogin,
  linkOf,
  type Peer,
  type SeenPeer,
  type ServerLogin,
  type ServerOptions,
  type Serving,
  startGrace,
} from '@nacre/ssh/server';
import type { HostKey, TransportState } from '@nacre/ssh/transport';
import type { Admission } from '../admission.ts';
import type { PamLogins } from '../pam-logins.ts';
import { Conveyed } from './conveyed.ts';
import type { Processes } from './index.ts';
import type { Worker } from './workers.ts';

export interface Carrying extends Processes {
  readonly admission: Admission;
  readonly hostKeys: readonly HostKey[];
  /** Where PAM is used. */
  readonly pam: PamLogins | undefined;
  /** Who is told of what happens. */
  readonly events: Required<Pick<ServerOptions, 'onDisconnect'>> & { onLogin(login: LoggedIn): void };
}

/** Somebody who has logged in. */
export type LoggedIn = Omit<ServerLogin, 'grant'> & { readonly peer: Peer };

/** `serveElsewhere` of the monitor's server. `options` decide the login. */
export function buildCarrier(carrying: Carrying, options: ServerOptions): NonNullable<ServerOptions['serveElsewhere']> {
  return (socket, peer) => {
    const connection = new Conveyed(socket, peer, carrying.hostKeys, carrying.admission.logFor(peer));
    void connection.ended.then((error) => carrying.events.onDisconnect(error, peer));
    return {
      peer,
      facts: () => connection.facts(),
      traffic: () => connection.traffic(),
      loggedIn: conduct(connection, peer, carrying, options),
      ended: connection.ended,
      end: (error) => connection.close(error),
    } satisfies Serving<LoggedIn>;
  };
}

async function conduct(
  connection: Conveyed,
  peer: SeenPeer,
  carrying: Carrying,
  options: ServerOptions,
): Promise<LoggedIn | undefined> {
  detach(connection.socket);
  const worker = carrying.workers.choose();
  if (worker === undefined) {
    connection.end(new SshError('there is no network worker', { code: 'misuse', stage: 'transport' }));
    return undefined;
  }
  worker.take(connection);
  const cancelGrace = startGrace(options.loginGraceMs, (error) => connection.fail(error));
  try {
    const login = await logIn(connection, worker, peer, options);
    const { state, traffic } = await worker.calls.call('handOver', { id: connection.id });
    worker.served.release(connection);
    connection.handedOver(traffic);
    connection.signing.loggedIn();
    const loggedIn = { user: login.user, methods: login.methods, keys: login.keys, peer };
    carrying.events.onLogin(loggedIn);
    await resume(connection, login, state, carrying);
    return loggedIn;
  } catch (error) {
    connection.fail(asServerError(error));
    return undefined;
  } finally {
    cancelGrace();
  }
}

async function logIn(
  connection: Conveyed,
  { calls }: Worker,
  peer: SeenPeer,
  options: ServerOptions,
): Promise<ServerLogin> {
  const { id, socket, signing } = connection;
  const facts = await calls.call('begin', { id, peer: { ...peer } }, socket);
  // The session that signatures are bound to is the one that the monitor has signed for, whatever a worker says.
  if (signing.sessionId?.equals(facts.sessionId) !== true) {
    throw new SshError('a network worker spoke of another session than its own', { code: 'misuse', stage: 'kex' });
  }
  peer.identification = String(facts.peerIdentification).slice(0, maxIdentification);
  options.onHandshake?.(peer);
  const link = linkOf(facts, {
    send: (payload) => calls.tell('send', { id, payload }),
    next: async () => Buffer.from(await calls.call('next', { id })),
  });
  const { login } = await decideLogin(link, peer, options, () => {});
  return login;
}

/** RFC 4253 §4.2. */
const maxIdentification = 255;

async function resume(
  connection: Conveyed,
  login: ServerLogin,
  state: TransportState,
  { admission, hosts, pam }: Carrying,
): Promise<void> {
  const { id, peer } = connection;
  const candidate = admission.requireCandidate(peer);
  await hosts.serve(connection, candidate, pam?.sessionOf(candidate, peer), {
    id,
    peer: { ...peer },
    state,
    user: login.user,
    methods: login.methods,
    keys: login.keys.map(({ blob }) => blob),
    grant: login.grant,
    login: pam?.find(peer),
  });
}

/** Node would ask the other processes for the number of their connections before it says that a listener is closed. */
function detach(socket: Socket): void {
  (socket as Socket & { server?: unknown }).server = null;
}
