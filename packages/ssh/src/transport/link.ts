/** What the transport offers to the layers above it: auth pulls messages one at a time, connection has them pushed. */

import type { SshError } from '../errors.ts';
import type { PublicKey } from '../keys/types.ts';

/** The view that login (RFC 4252) has of a transport whose first key exchange is done and whose service is `ssh-userauth`. */
export interface AuthLink {
  /** The exchange hash of the first key exchange (RFC 4253 §7.2); signatures are bound to it. */
  readonly sessionId: Buffer;
  /** The host key that the server proved: publickey-hostbound-v00@openssh.com binds signatures to it. */
  readonly hostKey: PublicKey;
  /** What the peer announced in SSH_MSG_EXT_INFO (RFC 8308): `server-sig-algs`, `publickey-hostbound@openssh.com` … */
  readonly peerExtensions: ReadonlyMap<string, Buffer>;
  /** The peer's identification line without CR LF. */
  readonly peerIdentification: string;
  /** A round trip seen in the handshake, in milliseconds; never shorter than the path's. */
  readonly roundTripMs?: number | undefined;
  send(payload: Uint8Array): void;
  /**
   * The next message numbered 50 to 79. Rejects with the SshError that ended the connection. The transport reads no further
   * packet until it is called again, so nothing can overtake a decision that is being made.
   * Both sides' change to the logged-in phase happens in the transport, at the moment USERAUTH_SUCCESS is sent or received:
   * the conversation just returns after that message.
   */
  next(): Promise<Buffer>;
}

/** The view that channels (RFC 4254) have of a transport after login. */
export interface ConnectionLink {
  readonly role: 'client' | 'server';
  readonly peerIdentification: string;
  /**
   * False while enough is queued: the socket holds more than its high water mark, or a rekey holds packets back. Bulk data
   * waits in its channel then; when it turns true again the transport calls Connection.onLinkReady().
   */
  readonly ready: boolean;
  /**
   * Has `ready` turn false at so many queued bytes, undefined for the usual: somebody types over the connection. A link that
   * is one of many over a connection leaves this to whoever has it.
   */
  limitQueue?(byteCount: number | undefined): void;
  /** Hands over what is queued now, and not at the end of the turn: somebody waits for it. */
  flush?(): void;
  /**
   * Queues one message. Never blocks and never throws for a full queue (control messages are small and bounded by the
   * limits of whoever sends them); after the end it does nothing.
   *
   * @param head - the payload, message number first.
   * @param body - optional further bytes of the same payload, so that channel data need not be copied to be joined with its
   *   header. Neither is kept after the call.
   */
  send(head: Uint8Array, body?: Uint8Array): void;
  /**
   * Asks the peer for a round trip at the transport level (ping@openssh.com) and calls back when it came back.
   * Returns false where the peer does not offer it; the caller may use a global request instead.
   *
   * @param data - comes back with the answer; its length is what an eavesdropper sees of the message.
   */
  ping(done: () => void, data?: Buffer): boolean;
  /**
   * Sends a message that says nothing (SSH_MSG_IGNORE), so that TCP acknowledges at once, with it, what has come. A link that has no
   * TCP connection of its own lacks this.
   */
  nudge?(): void;
  /** Ends the connection: tells the peer why, then closes. */
  fail(error: SshError): void;
}

/** Time as the protocol sees it, so that tests need no sleep. */
export interface Clock {
  /** Milliseconds, monotonic. */
  now(): number;
  /** Runs `callback` once after `ms`; the returned function cancels it. Must not keep a process alive by itself. */
  setTimer(ms: number, callback: () => void): () => void;
}
