/** The session hosts as the monitor sees them: one for each user who is logged in, kept for a while, and one ahead for whoever comes next. */
import { setTimeout as delay } from 'node:timers/promises';
import { expandServerTokens } from '@nacre/ssh/config/server';
import { SshError } from '@nacre/ssh/errors';
import { decodePublicKey, fingerprint } from '@nacre/ssh/keys';
import { groupsOf } from '../../../os/index.ts';
import { type Candidate, numberOf } from '../admission.ts';
import type { Log } from '../log.ts';
import type { PamSession } from '../pam-logins.ts';
import { recordsOf } from '../session-records.ts';
import { Tidying } from '../tidy.ts';
import type { TunnelBooks } from '../tunnel-books.ts';
import { Calls } from './calls.ts';
import { type Child, startHost } from './children.ts';
import { type Conveyed, type Owner, Served } from './conveyed.ts';
import { KeptBooks } from './kept-books.ts';
import { KeptRecordings } from './kept-recordings.ts';
import { showHostKeys } from './remote-keys.ts';
import type { Becoming, HostTable, MonitorTable, Resumed } from './tables.ts';

/** How long a host is kept whose user has gone: most come back soon, or not for long. */
const warmMs = 30_000;
/** Of those that are kept, no more than so many. */
const maxWarm = 8;

const firstSpareMs = 100;
/** Nobody waits longer for a process that does not end. */
const longestEndMs = 2000;

class Host {
  readonly child: Child;
  readonly calls: Calls<HostTable, MonitorTable>;
  readonly served: Served;
  /** What it is found by, once it is somebody's, and whoever waits for it. */
  key = '';
  ready: Promise<Host> | undefined;
  /** It is shut in with one connection, and has no use without it. */
  isForOne = false;
  /** Ends the session that PAM opened for it. */
  pam: { close(): Promise<void> } | undefined;
  /** What it was told last. */
  #told: (Pick<Candidate, 'settings'> & Pick<Conveyed, 'hostKeys'>) | undefined;
  /** Connections that are on their way to it. */
  expected = 0;
  timer: NodeJS.Timeout | undefined;

  constructor(child: Child, onEmpty: (host: Host) => void) {
    this.child = child;
    this.served = new Served(() => onEmpty(this));
    this.calls = new Calls(child.process, this.served.answers);
    this.served.onRecordingFailed = (failure) => this.calls.tell('recordingFailed', failure);
  }

  /** Has it know what the connection that comes next is served by. Nearly always it does: both are made once for all of a kind. */
  configure({ settings }: Candidate, { hostKeys }: Conveyed): void {
    if (this.#told?.settings === settings && this.#told.hostKeys === hostKeys) return;
    this.#told = { settings, hostKeys };
    this.calls.tell('configure', { settings, hostKeys: showHostKeys(hostKeys) });
  }

  get isIdle(): boolean {
    return this.expected === 0 && this.served.size === 0;
  }
}

export class Hosts {
  readonly #log: Log;
  readonly #books: TunnelBooks;
  readonly #isOnlyOne: boolean;
  readonly #hosts = new Map<string, Promise<Host>>();
  readonly #alive = new Set<Host>();
  /** In the order in which they fell idle. */
  readonly #idle = new Set<Host>();
  #spare: Host | undefined;
  readonly #tidying = new Tidying();
  #isClosed = false;

  /** @param connections - how many there will be at most. */
  constructor(log: Log, books: TunnelBooks, connections: number) {
    this.#log = log;
    this.#books = books;
    this.#isOnlyOne = connections === 1;
    // The listener first: who is told that the server listens need not wait for this.
    if (this.#isOnlyOne) this.#spare = this.#start();
    else setTimeout(() => this.#keepSpare(), firstSpareMs).unref();
  }

  /**
   * Hands a connection that is logged in to its user's host.
   *
   * @throws SshError `misuse` where there is none, or it does not take the connection.
   */
  async serve(
    connection: Conveyed,
    candidate: Candidate,
    pam: PamSession | undefined,
    resumed: Resumed,
  ): Promise<void> {
    const key = keyOf(candidate, connection, pam);
    const starting = this.#hosts.get(key) ?? this.#make(key, candidate, pam);
    const host = await starting;
    host.expected++;
    this.#wake(host);
    try {
      connection.owner = this.#ownerOf(connection, candidate, host, resumed);
      // From here on it may speak of the connection.
      host.served.add(connection, host.calls);
      host.configure(candidate, connection);
      await host.calls.call('serve', resumed, connection.socket);
      this.#tidying.count();
      // The host has its own descriptor.
      connection.socket.destroy();
    } catch (error) {
      host.served.release(connection);
      throw error;
    } finally {
      host.expected--;
      if (host.isIdle) this.#rest(host);
    }
  }

  #ownerOf(
    connection: Conveyed,
    { account, settings }: Candidate,
    host: Host,
    { user, methods, keys }: Resumed,
  ): Owner {
    const { id, peer, signing } = connection;
    const proved = keys.map((blob) => decodePublicKey(blob));
    const sessionId = signing.sessionId?.toString('hex') ?? '';
    const recorded = {
      connection: numberOf(peer),
      address: peer.address,
      port: peer.port,
      client: peer.identification,
    };
    const login = { ...account, user, ...recorded, methods, keys: proved.map((key) => fingerprint(key)), sessionId };
    return {
      account,
      records: recordsOf(account, peer, settings, host.child.process.pid),
      books: new KeptBooks(this.#books, id, user, proved, settings),
      recordings: new KeptRecordings(settings.recordFolder, login),
    };
  }

  /** Ends them, and their sessions with PAM. */
  async close(): Promise<void> {
    this.#isClosed = true;
    if (this.#spare !== undefined) end(this.#spare);
    const ending = [...this.#alive].map(async (host) => {
      end(host);
      await host.child.ended;
      await host.pam?.close();
      host.pam = undefined;
    });
    const limit = new AbortController();
    await Promise.race([Promise.all(ending), delay(longestEndMs, undefined, { signal: limit.signal }).catch(() => {})]);
    limit.abort();
  }

  #make(key: string, candidate: Candidate, pam: PamSession | undefined): Promise<Host> {
    const host = this.#spare?.child.process.connected === true ? this.#spare : this.#start();
    this.#spare = undefined;
    host.key = key;
    host.isForOne = chrootOf(candidate) !== undefined;
    const died = host.child.ended.then((how) => {
      throw new SshError(`the session host ended with ${how}`, { code: 'misuse', stage: 'channel' });
    });
    died.catch(() => {});
    const ready = Promise.race([host.calls.call('become', becomingOf(candidate, pam)), died]).then((became) => {
      if (pam !== undefined) host.pam = { close: () => pam.close(became.environment) };
      if (became.sessionRefusal !== undefined) {
        this.#log('ERROR', `PAM: pam_open_session(): ${became.sessionRefusal}`);
        // The next login may have more luck.
        this.#hide(host);
      }
      return host;
    });
    host.ready = ready;
    this.#hosts.set(key, ready);
    ready.catch(() => {
      this.#hide(host);
      end(host);
    });
    this.#alive.add(host);
    void host.child.ended.then((how) => this.#lose(host, how, candidate.account.name));
    // The next one, once this one is on its way.
    setImmediate(() => this.#keepSpare());
    return ready;
  }

  #keepSpare(): void {
    if (!this.#isClosed && !this.#isOnlyOne) this.#spare ??= this.#start();
  }

  #start(): Host {
    const host = new Host(startHost(this.#log), (empty) => {
      if (empty.isIdle) this.#rest(empty);
    });
    void host.child.ended.then(() => {
      if (this.#spare === host) this.#spare = undefined;
    });
    return host;
  }

  #lose(host: Host, how: string, user: string): void {
    this.#hide(host);
    this.#wake(host);
    this.#alive.delete(host);
    if (!this.#isClosed) void host.pam?.close();
    const { size } = host.served;
    if (size > 0)
      this.#log(
        'ERROR',
        `session host ${host.child.process.pid} of ${user} ended with ${how}, and ${size} connections with it`,
      );
    host.served.endAll(new SshError(`its session host ended with ${how}`, { code: 'misuse', stage: 'channel' }));
  }

  #wake(host: Host): void {
    clearTimeout(host.timer);
    this.#idle.delete(host);
  }

  /** Nobody needs it now. */
  #rest(host: Host): void {
    this.#wake(host);
    if (host.isForOne) {
      this.#dismiss(host);
      return;
    }
    this.#idle.add(host);
    host.timer = setTimeout(() => this.#dismiss(host), warmMs);
    host.timer.unref();
    for (const oldest of this.#idle) {
      if (this.#idle.size <= maxWarm) break;
      this.#dismiss(oldest);
    }
  }

  #dismiss(host: Host): void {
    this.#wake(host);
    this.#hide(host);
    end(host);
  }

  /** Nobody finds it any more; another one may have its key by now. */
  #hide(host: Host): void {
    if (this.#hosts.get(host.key) === host.ready) this.#hosts.delete(host.key);
  }
}

function end({ child }: Host): void {
  if (child.process.connected) child.process.disconnect();
}

/**
 * Whoever has another group today than yesterday needs another process. One that is shut in has one connection: what it serves by
 * itself there has a umask and a folder of its own.
 */
function keyOf(candidate: Candidate, { id }: Conveyed, pam: PamSession | undefined): string {
  const { account } = candidate;
  const chroot = chrootOf(candidate);
  return JSON.stringify([
    account,
    groupsOf(account),
    pam?.subject.service ?? '',
    ...(chroot === undefined ? [] : [chroot, id]),
  ]);
}

function becomingOf(candidate: Candidate, pam: PamSession | undefined): Becoming {
  const chroot = chrootOf(candidate);
  return { account: candidate.account, ...(chroot !== undefined && { chroot }), ...(pam && { pam: pam.subject }) };
}

/** ChrootDirectory, for this user. */
function chrootOf({ account, settings }: Candidate): string | undefined {
  const { name, uid, home } = account;
  if (settings.chrootDirectory === undefined) return undefined;
  return expandServerTokens('ChrootDirectory', settings.chrootDirectory, { user: name, userId: uid, home });
}
