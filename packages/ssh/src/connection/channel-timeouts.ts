/** Ends what nobody uses: channels that carried nothing for a while (ChannelTimeout), and connections without channels. */

import { disconnectReasons, SshError } from '../errors.ts';
import type { Clock } from '../transport/link.ts';
import { fitsWildcards } from '../wire/index.ts';

/** A rule of ChannelTimeout. */
export interface ChannelTimeout {
  /**
   * A kind of channel as OpenSSH names it (agent-connection, direct-tcpip, direct-streamlocal@openssh.com, forwarded-tcpip,
   * forwarded-streamlocal@openssh.com, session, session:shell, session:command, session:subsystem:NAME, tun-connection,
   * x11-connection), with wildcards; or `global` for all of them together, which no wildcard means.
   */
  readonly type: string;
  /** 0 for no limit. */
  readonly seconds: number;
}

/** A channel as the watch sees it. */
export interface WatchedChannel {
  readonly type: string;
  /** What a session runs: `shell`, `command`, `subsystem:sftp`. */
  readonly purpose: string | undefined;
  /** Called for all data of the channel's, in either direction. */
  onActivity: (() => void) | undefined;
  abort(error: SshError): void;
}

export interface IdleOptions {
  readonly clock: Clock;
  readonly channelTimeouts?: readonly ChannelTimeout[] | undefined;
  /** How long a connection may have no channel; 0 and undefined for ever. */
  readonly unusedTimeoutMs?: number | undefined;
}

interface Watched {
  timeoutMs: number;
  lastMs: number;
}

/** Names of OpenSSH's that are not those on the wire. */
const openSshNames: Readonly<Record<string, string>> = {
  'auth-agent@openssh.com': 'agent-connection',
  'agent-connect': 'agent-connection',
  'tun@openssh.com': 'tun-connection',
  x11: 'x11-connection',
};

/** Watches the channels of one connection. Without rules it costs nothing. */
export class IdleWatch {
  readonly #options: IdleOptions;
  readonly #fail: (error: SshError) => void;
  readonly #watched = new Map<WatchedChannel, Watched>();
  readonly #globalMs: number;
  #lastMs = 0;
  #armedForMs = Number.POSITIVE_INFINITY;
  #cancel: () => void = () => {};
  #cancelUnused: (() => void) | undefined;

  /** @param fail - ends the connection. */
  constructor(options: IdleOptions, fail: (error: SshError) => void) {
    this.#options = options;
    this.#fail = fail;
    this.#globalMs = 1000 * (options.channelTimeouts?.find(({ type }) => type === 'global')?.seconds ?? 0);
    this.countChanged(0);
  }

  /** A channel is open, or was given its purpose. */
  opened(channel: WatchedChannel): void {
    const timeoutMs = timeoutOf(channel, this.#options.channelTimeouts ?? []);
    if (timeoutMs === 0 && this.#globalMs === 0) {
      channel.onActivity = undefined;
      this.#watched.delete(channel);
      return;
    }
    const watched = { timeoutMs, lastMs: this.#options.clock.now() };
    this.#watched.set(channel, watched);
    this.#lastMs = watched.lastMs;
    channel.onActivity = () => {
      watched.lastMs = this.#options.clock.now();
      this.#lastMs = watched.lastMs;
    };
    this.#arm();
  }

  /** How long a channel may carry nothing; 0 for as long as it likes. */
  secondsFor(channel: Pick<WatchedChannel, 'type' | 'purpose'>): number {
    return timeoutOf(channel, this.#options.channelTimeouts ?? []) / 1000;
  }

  closed(channel: WatchedChannel): void {
    channel.onActivity = undefined;
    this.#watched.delete(channel);
  }

  /** So many channels there are now, those being opened among them. */
  countChanged(count: number): void {
    const { clock, unusedTimeoutMs = 0 } = this.#options;
    if (unusedTimeoutMs === 0) return;
    if (count > 0) {
      this.#cancelUnused?.();
      this.#cancelUnused = undefined;
    } else {
      this.#cancelUnused ??= clock.setTimer(unusedTimeoutMs, () => this.#fail(unusedError(unusedTimeoutMs)));
    }
  }

  /** No timer fires any more. */
  stop(): void {
    this.#cancel();
    this.#cancelUnused?.();
    this.#watched.clear();
  }

  /** One timer for all, at the earliest moment at which one could be due; whoever was used meanwhile is looked at again then. */
  #arm(): void {
    let dueMs = this.#globalMs > 0 && this.#watched.size > 0 ? this.#lastMs + this.#globalMs : Number.POSITIVE_INFINITY;
    for (const { timeoutMs, lastMs } of this.#watched.values()) {
      if (timeoutMs > 0) dueMs = Math.min(dueMs, lastMs + timeoutMs);
    }
    if (dueMs >= this.#armedForMs) return;
    this.#cancel();
    this.#armedForMs = dueMs;
    this.#cancel = this.#options.clock.setTimer(dueMs - this.#options.clock.now(), () => this.#look());
  }

  #look(): void {
    this.#armedForMs = Number.POSITIVE_INFINITY;
    const nowMs = this.#options.clock.now();
    const isAllIdle = this.#globalMs > 0 && nowMs - this.#lastMs >= this.#globalMs;
    for (const [channel, { timeoutMs, lastMs }] of [...this.#watched]) {
      const isIdle = timeoutMs > 0 && nowMs - lastMs >= timeoutMs;
      if (!isIdle && !isAllIdle) continue;
      this.closed(channel);
      channel.abort(idleError(channel.type, isIdle ? timeoutMs : this.#globalMs));
    }
    this.#arm();
  }
}

/**
 * The first rule that fits counts. A session goes by its plain name and by what it runs: OpenSSH's manual promises the one,
 * its versions since 9.6 look at the other.
 */
function timeoutOf(
  { type, purpose }: Pick<WatchedChannel, 'type' | 'purpose'>,
  rules: readonly ChannelTimeout[],
): number {
  const name = openSshNames[type] ?? type;
  const names = purpose === undefined ? [name] : [name, `${name}:${purpose}`];
  const rule = rules.find((each) => each.type !== 'global' && names.some((one) => fitsWildcards(one, each.type)));
  return 1000 * (rule?.seconds ?? 0);
}

function idleError(type: string, idleMs: number): SshError {
  return new SshError(`the ${type} channel carried nothing for ${idleMs / 1000} seconds`, {
    code: 'timeout',
    stage: 'channel',
    remedy: 'Raise ChannelTimeout for this kind of channel.',
  });
}

function unusedError(unusedMs: number): SshError {
  return new SshError(`the connection had no open channel for ${unusedMs / 1000} seconds`, {
    code: 'timeout',
    stage: 'channel',
    disconnect: disconnectReasons.byApplication,
  });
}
