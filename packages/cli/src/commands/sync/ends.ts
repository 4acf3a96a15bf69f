/** Both ends of a sync: hosts are reached, and reached again where they are lost. */
import { setTimeout as delay } from 'node:timers/promises';
import { SshError } from '@nacre/ssh/errors';
import { type SftpClient, SftpOpening, startSftp } from '@nacre/ssh/sftp';
import type { RemotePlace } from '@nacre/ssh/transfer';
import type { RemoteHost } from '../files/host.ts';
import { reachHost } from '../files/remote.ts';
import { failureStatus } from '../ssh/end.ts';
import type { Place } from './place.ts';

export interface Reach {
  /** ssh's arguments, the port not among them. */
  readonly sshFlags: readonly string[];
  readonly port: string | undefined;
  readonly program: string | undefined;
  readonly reconnects: boolean;
  readonly note: (text: string) => void;
}

/** The longest pause before another connection. */
const mostPauseMs = 30_000;

/** A host could not be reached, and stderr says why already. */
export class Unreachable extends SshError {
  constructor(destination: string) {
    super(`${destination} could not be reached`, { code: 'connection-lost', stage: 'sftp' });
  }
}

export class Ends {
  readonly #reach: Reach;
  readonly #hosts: RemoteHost[] = [];
  /** By destination: two places of one server share a session, so that the library sees what lies within what. */
  readonly #clients = new Map<string, Promise<SftpClient>>();

  constructor(reach: Reach) {
    this.#reach = reach;
  }

  /** @throws Unreachable */
  async open(place: Place): Promise<string | RemotePlace> {
    if (place.kind === 'local') return place.path;
    const key = `${place.destination} ${place.port ?? ''}`;
    const known = this.#clients.get(key) ?? this.#connect(place);
    this.#clients.set(key, known);
    const sftp = await known;
    const path = place.path.startsWith('~') ? (await sftp.expandPath(place.path)).bytes : place.path || '.';
    if (!this.#reach.reconnects) return { sftp, path };
    return { sftp, path, reconnect: (error, attempt) => this.#again(place, error, attempt) };
  }

  async close(): Promise<void> {
    await Promise.all(this.#hosts.splice(0).map((host) => host.close()));
  }

  async #connect({ destination, port }: Extract<Place, { kind: 'remote' }>): Promise<SftpClient> {
    const { sshFlags, program } = this.#reach;
    const chosen = port?.toString() ?? this.#reach.port;
    const flags = [...sshFlags, ...(chosen === undefined ? [] : ['-p', chosen])];
    const host = await reachHost({ destination, sshFlags: flags, program });
    if (host === undefined) throw new Unreachable(destination);
    this.#hosts.push(host);
    const opening = new SftpOpening();
    const { stream, exit } = await host.open({ subsystem: 'sftp' }, opening.firstInput());
    try {
      return await startSftp(stream, { opening, isEager: true });
    } catch (error) {
      // A program in ssh's place has said by now why it did not get there.
      if (program !== undefined && (await exit) === failureStatus) throw new Unreachable(destination);
      throw error;
    }
  }

  async #again(place: Extract<Place, { kind: 'remote' }>, error: SshError, attempt: number): Promise<SftpClient> {
    this.#reach.note(`${place.destination}: ${error.message}; connecting again`);
    for (let pauseMs = 1000 * 2 ** (attempt - 1), tries = 0; ; pauseMs *= 2, tries++) {
      await delay(Math.min(pauseMs, mostPauseMs));
      try {
        return await this.#connect(place);
      } catch (cause) {
        if (tries >= 5) throw cause;
      }
    }
  }
}
