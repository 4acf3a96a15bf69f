/** What is told of a channel, for lists and counters: plain data, which may go to another process. */
import type { ChannelState } from './channel-sink.ts';

/** What a session runs, as far as its requests have said. */
export interface SessionSubject {
  readonly kind: 'session';
  /** Undefined until something was started. */
  start?: 'shell' | 'exec' | 'subsystem';
  /** The command or the name of the subsystem, cut where it is long. */
  command?: string;
  /** What the client calls its terminal, and at a server the name of the one that it got. */
  terminal?: { readonly term: string; readonly name?: string };
}

/** Where a forwarded connection leads. */
export interface TunnelSubject {
  readonly kind: 'tunnel';
  /** `db.internal:5432`, a path, or what it is in words. */
  readonly destination: string;
  /** Where it comes from, as whoever opened the channel says. */
  readonly originator?: string;
}

export type ChannelSubject = SessionSubject | TunnelSubject;

/** One channel at one moment. */
export interface ChannelFacts {
  readonly id: number;
  readonly type: string;
  readonly label: string;
  readonly state: ChannelState;
  /** Undefined where nobody said what the channel is for. */
  readonly subject: ChannelSubject | undefined;
  readonly ageMs: number;
  /** Bytes of data, errors among them, without what the protocol adds. */
  readonly bytesReceived: number;
  readonly bytesSent: number;
}

interface DescribedChannel extends Pick<ChannelFacts, 'id' | 'type' | 'label' | 'state' | 'subject'> {
  readonly openedMs: number;
  readonly receiveWindow: { readonly received: number };
  readonly sentBytes: number;
}

/** @param nowMs - on the clock that told when the channel was opened. */
export function channelFacts(channel: DescribedChannel, nowMs: number): ChannelFacts {
  const { id, type, label, state, subject, openedMs, receiveWindow, sentBytes } = channel;
  return {
    id,
    type,
    label,
    state,
    subject: subject && { ...subject },
    ageMs: nowMs - openedMs,
    bytesReceived: receiveWindow.received,
    bytesSent: sentBytes,
  };
}

/** Enough to know a command by; the whole of it may have the size of a file. */
const maxShownCommand = 1024;

export function startedSubject(
  start: { kind: 'shell' } | { kind: 'exec'; command: string } | { kind: 'subsystem'; name: string },
): Pick<SessionSubject, 'start' | 'command'> {
  if (start.kind === 'shell') return { start: 'shell' };
  const text = start.kind === 'exec' ? start.command : start.name;
  return { start: start.kind, command: text.slice(0, maxShownCommand) };
}

/** `host:port`, with brackets around an address that has colons itself. */
export function formatEndpoint(host: string, port: number): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
}
