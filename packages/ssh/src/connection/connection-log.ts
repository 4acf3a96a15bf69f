/** What a connection tells its log, in the words that people and scripts look for in OpenSSH's. */

import type { ConnectionLink } from '../transport/link.ts';
import { printable } from '../wire/index.ts';

export type LogLine = (level: 1 | 2 | 3, text: string) => void;

interface LoggedChannel {
  readonly id: number;
  readonly type: string;
  readonly label: string;
}

interface LoggedRequest {
  readonly type: string;
  readonly wantReply: boolean;
}

export class ConnectionLog {
  readonly #role: ConnectionLink['role'];
  readonly #write: LogLine;

  constructor(role: ConnectionLink['role'], write: LogLine) {
    this.#role = role;
    this.#write = write;
  }

  channelMade({ id, type, label }: LoggedChannel, idleSeconds: number): void {
    this.#write(1, `channel ${id}: new ${type} [${label}] (inactive timeout: ${idleSeconds})`);
  }

  /** @param count - the channels before this one went. */
  channelFreed({ id, label }: LoggedChannel, count: number): void {
    this.#write(1, `channel ${id}: free: ${label}, nchannels ${count}`);
  }

  globalRequest({ type, wantReply }: LoggedRequest): void {
    this.#write(1, `${this.#role}_input_global_request: rtype ${printable(type)} want_reply ${Number(wantReply)}`);
  }

  channelRequest(recipient: number, { type, wantReply }: LoggedRequest): void {
    const word = this.#role === 'client' ? 'rtype' : 'request';
    const request = `${word} ${printable(type)} reply ${Number(wantReply)}`;
    this.#write(1, `${this.#role}_input_channel_req: channel ${recipient} ${request}`);
  }
}
