/** The hosts of a command line: each is logged in to once, and holds one sftp session. */
import type { SshError } from '@nacre/ssh/errors';
import { type SftpClient, SftpOpening, startSftp } from '@nacre/ssh/sftp';
import type { RemoteHost, RemoteProgram } from '../files/host.ts';
import { FatalError } from '../ssh/end.ts';
import type { ScpRequest } from './flags.ts';
import type { RemotePlace } from './place.ts';
import type { Words } from './words.ts';

/** How sessions end that nobody closed here. */
const lossCodes: readonly SshError['code'][] = ['closed', 'connection-lost', 'disconnected', 'timeout'];

/** What is thrown when the other end is gone; what ssh knows of it, it has said. */
export function connectionClosed(): FatalError {
  return new FatalError('Connection closed');
}

export function isLoss(error: unknown): boolean {
  return lossCodes.includes((error as SshError).code);
}

export class Hosts {
  readonly #request: ScpRequest;
  readonly #words: Words;
  readonly #hosts = new Map<string, Promise<RemoteHost | undefined>>();
  readonly #sessions = new Map<string, Promise<SftpClient>>();
  /** Exit statuses of the programs of -S. */
  readonly #exits: Promise<number>[] = [];
  #closing: Promise<boolean> | undefined;

  constructor(request: ScpRequest, words: Words) {
    this.#request = request;
    this.#words = words;
  }

  /** @throws FatalError where the host is not reached, or serves no files. */
  sftp(place: RemotePlace): Promise<SftpClient> {
    const key = keyOf(place);
    const known = this.#sessions.get(key);
    if (known !== undefined) return known;
    const session = this.#startSftp(place);
    this.#sessions.set(key, session);
    return session;
  }

  /**
   * Starts a command on a host.
   *
   * @returns undefined where that failed, which has been told.
   */
  async program(place: RemotePlace, command: Buffer, more: readonly string[] = []): Promise<RemoteProgram | undefined> {
    this.#tellStart(place, command.toString('utf8'));
    const host = await this.#reach(place, more);
    return host?.open({ command }).catch((error: unknown) => {
      if (!(error instanceof FatalError) && !isLoss(error)) throw error;
      if (error instanceof FatalError) this.#words.plain(error.message, '\r\n');
      return undefined;
    });
  }

  /** Ends everything. @returns whether the programs that were started here ended well. */
  close(): Promise<boolean> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<boolean> {
    for (const session of this.#sessions.values()) session.then((sftp) => sftp.close()).catch(() => {});
    const hosts = await Promise.all(this.#hosts.values());
    await Promise.all(hosts.map(async (host) => host?.close()));
    return (await Promise.all(this.#exits)).every((status) => status === 0);
  }

  async #startSftp(place: RemotePlace): Promise<SftpClient> {
    const { server, program } = this.#request;
    if (server === undefined) this.#tellStart(place, 'sftp');
    const host =
      server === undefined
        ? await this.#reach(place, [])
        : (await import('../files/by-server.ts')).hostByServer(server, place.host);
    if (host === undefined) throw connectionClosed();
    if (server !== undefined) this.#hosts.set(keyOf(place), Promise.resolve(host));
    try {
      const opening = new SftpOpening();
      const running = await host.open({ subsystem: 'sftp' }, opening.firstInput());
      if (program !== undefined) this.#exits.push(running.exit);
      return await startSftp(running.stream, { opening, isEager: true });
    } catch (error) {
      if (error instanceof FatalError) this.#words.plain(error.message, '\r\n');
      else if (!isLoss(error)) this.#words.info((error as Error).message);
      throw connectionClosed();
    }
  }

  #reach(place: RemotePlace, more: readonly string[]): Promise<RemoteHost | undefined> {
    const key = [keyOf(place), ...more].join(' ');
    const known = this.#hosts.get(key);
    if (known !== undefined) return known;
    const reached = this.#connect(place, more);
    this.#hosts.set(key, reached);
    return reached;
  }

  async #connect({ user, host, port = this.#request.port }: RemotePlace, more: readonly string[]) {
    const { reachHost } = await import('../files/remote.ts');
    const own = [...(port === undefined ? [] : ['-p', String(port)]), ...(user === undefined ? [] : ['-l', user])];
    const { sshFlags, program } = this.#request;
    return reachHost({ destination: host, sshFlags: [...sshFlags, ...more, ...own], program });
  }

  #tellStart({ user, host }: RemotePlace, command: string): void {
    if (this.#request.verbose === 0) return;
    const program = this.#request.program ?? 'ssh';
    this.#words.plain(
      `Executing: program ${program} host ${host}, user ${user ?? '(unspecified)'}, command ${command}`,
    );
  }
}

function keyOf({ user, host, port }: RemotePlace): string {
  return JSON.stringify([user, host, port]);
}
