/** The process that speaks with clients before they are logged in: it has no rights, no files and no keys, and decides nothing. */
import type { Socket } from 'node:net';
import { SshError } from '@nacre/ssh/errors';
import { Handshake, type Peer } from '@nacre/ssh/server';
import { acknowledgeAtOnce } from '../../../os/acknowledge.ts';
import { Tidying } from '../tidy.ts';
import { warmUp } from '../warm-up.ts';
import { Calls } from './calls.ts';
import { giveUpRights, refuseDebuggers } from './confinement.ts';
import { type PublicHostKey, readHostKeys, remoteHostKeys } from './remote-keys.ts';
import type { MonitorTable, WorkerSettings, WorkerTable } from './tables.ts';

/** Serves until the monitor is gone. */
export async function runNetworkWorker(): Promise<number> {
  refuseDebuggers();
  // Read from files while there are any.
  await warmUp();
  giveUpRights();
  const tidying = new Tidying();
  const handshakes = new Map<number, Handshake>();
  let settings: WorkerSettings | undefined;
  let shownKeys: readonly PublicHostKey[] = [];
  const handshakeOf = (id: number): Handshake => {
    const handshake = handshakes.get(id);
    if (handshake === undefined) throw new SshError('the connection has ended', { code: 'closed', stage: 'auth' });
    return handshake;
  };
  const begin = (id: number, peer: Peer, socket: Socket): Handshake => {
    if (settings === undefined) throw new SshError('nothing is configured', { code: 'misuse', stage: 'transport' });
    const hostKeys = remoteHostKeys(shownKeys, id, (request) => monitor.call('sign', request));
    const handshake = new Handshake(socket, peer, hostKeys, {
      ...settings,
      acknowledge: acknowledgeAtOnce,
      ...(settings.logs && { log: (level, text) => monitor.tell('log', { id, level: `DEBUG${level}`, text }) }),
    });
    handshakes.set(id, handshake);
    tidying.count();
    void handshake.ended.then((error) => {
      handshakes.delete(id);
      monitor.tell('ended', { id, error, traffic: handshake.traffic });
      monitor.tell('forget', { id });
    });
    return handshake;
  };
  const monitor = new Calls<MonitorTable, WorkerTable>(process, {
    configure: (next) => {
      settings = next;
      shownKeys = readHostKeys(next.hostKeys);
    },
    begin: ({ id, peer }, socket) => {
      if (socket === undefined)
        throw new SshError('the client has gone', { code: 'connection-lost', stage: 'transport' });
      return begin(id, peer, socket).finish();
    },
    next: ({ id }) => handshakeOf(id).next(),
    send: ({ id, payload }) => handshakes.get(id)?.send(payload),
    fail: ({ id, error }) => handshakes.get(id)?.fail(error),
    facts: ({ id }) => handshakeOf(id).facts(),
    handOver: async ({ id }) => {
      const handshake = handshakeOf(id);
      const state = await handshake.handOver();
      handshakes.delete(id);
      return { state, traffic: handshake.traffic };
    },
  });
  await monitor.ended;
  return 0;
}
