/** The sftp server: any bytes of a client, over files in memory. */
import { SshError } from '@nacre/ssh/errors';
import { memoryFileSystem } from '@nacre/ssh/server';
import { runSftpServer, type SftpServerStream } from '@nacre/ssh/sftp/server';
import { WireWriter } from '@nacre/ssh/wire';
import type { FuzzTarget } from '../target.ts';
import { nextTurn } from '../transport-subject.ts';

/** The server's end of a stream; says now and then that it has no room. */
class Stream implements SftpServerStream {
  replies = Buffer.alloc(0);
  isPaused = false;
  #writes = 0;
  readonly #listeners: Record<string, ((value: never) => void)[]> = {};

  write(bytes: Uint8Array): boolean {
    this.replies = Buffer.concat([this.replies, bytes]);
    if (this.#writes++ % 3 !== 2) return true;
    setImmediate(() => this.emit('drain'));
    return false;
  }

  pause(): void {
    this.isPaused = true;
  }

  resume(): void {
    this.isPaused = false;
  }

  on(event: string, listener: (value: never) => void): void {
    this.#listeners[event] ??= [];
    this.#listeners[event].push(listener);
  }

  emit(event: 'data' | 'end' | 'drain', value?: Buffer): void {
    for (const listener of this.#listeners[event] ?? []) listener(value as never);
  }
}

const frame = (type: number, id: number, ...parts: Uint8Array[]) =>
  new WireWriter().string(Buffer.concat([new WireWriter().uint8(type).uint32(id).finish(), ...parts])).finish();
const strings = (...parts: (string | Uint8Array)[]) =>
  parts.reduce((writer: WireWriter, part) => writer.string(part), new WireWriter()).finish();
const hex = (text: string) => Buffer.from(text, 'hex');

const greeting = hex('000000050100000003');
const none = hex('00000000');
const handle = (at: number) => strings(Buffer.of(0, 0, 0, at));
const offset = (at: number) => hex(at.toString(16).padStart(16, '0'));
const extended = (id: number, name: string, ...parts: Uint8Array[]) => frame(200, id, strings(name), ...parts);

/** Byte 0: size of the pieces. */
export const sftpServer: FuzzTarget = {
  name: 'sftp-server',
  seeds: [
    Buffer.concat([
      ...[
        Buffer.of(0),
        greeting,
        frame(3, 1, strings('/f'), hex('0000003b'), none),
        frame(6, 2, handle(0), offset(0), strings('data')),
      ],
      ...[frame(5, 3, handle(0), offset(1), hex('00000010')), frame(8, 4, handle(0)), frame(4, 5, handle(0))],
      ...[frame(11, 6, strings('/')), frame(12, 7, handle(1)), frame(12, 8, handle(1)), frame(4, 9, handle(1))],
    ]),
    Buffer.concat([
      ...[
        Buffer.of(7),
        greeting,
        frame(14, 1, strings('d'), none),
        frame(20, 2, strings('../x', 'd/l')),
        frame(17, 3, strings('d/l')),
      ],
      ...[frame(9, 4, strings('/file'), hex('0000000f'), offset(3), hex('0000000100000002000001a40000000300000004'))],
      ...[
        frame(18, 5, strings('/file', '/d/g')),
        frame(16, 6, strings('d/../.')),
        frame(19, 7, strings('d/l')),
        frame(13, 8, strings('x')),
      ],
    ]),
    Buffer.concat([
      ...[
        Buffer.of(0),
        greeting,
        frame(3, 1, strings('/file'), hex('00000001'), none),
        frame(3, 2, strings('/n'), hex('0000000a'), none),
      ],
      ...[
        extended(3, 'copy-data', handle(0), offset(0), offset(0), handle(1), offset(2)),
        extended(4, 'fsync@openssh.com', handle(1)),
      ],
      ...[
        extended(5, 'posix-rename@openssh.com', strings('/n', '/m')),
        extended(6, 'hardlink@openssh.com', strings('/m', '/o')),
      ],
      ...[
        extended(7, 'statvfs@openssh.com', strings('/')),
        extended(8, 'limits@openssh.com'),
        extended(9, 'home-directory', strings('')),
      ],
      ...[
        extended(10, 'lsetstat@openssh.com', strings('/m'), hex('00000004000001a4')),
        extended(11, 'expand-path@openssh.com', strings('~/f')),
      ],
      extended(12, 'users-groups-by-id@openssh.com', strings(hex('0000000000000001'), hex('00000000'))),
    ]),
  ],
  async run(input) {
    const stream = new Stream();
    const files = memoryFileSystem({ files: { '/file': 'content' }, maxBytes: 100_000, maxEntries: 50 });
    const session = runSftpServer(stream, files, { maxHandles: 8 });
    const settled = session.then(
      () => undefined,
      (error: unknown) => ({ error }),
    );
    const bytes = input.subarray(1);
    const size = input[0] || bytes.length || 1;
    for (let at = 0; at < bytes.length; at += size) {
      // A stream that is paused gives nothing.
      for (let turn = 0; stream.isPaused && turn < 1000; turn++) await nextTurn();
      stream.emit('data', Buffer.from(bytes.subarray(at, at + size)));
    }
    stream.emit('end');
    const end = await settled;
    requireReplies(stream.replies);
    if (end === undefined) return;
    if (end.error instanceof SshError && end.error.side !== 'peer')
      throw new Error('an error of ours', { cause: end.error });
    throw end.error;
  },
};

/** Whatever came, what goes out is whole frames, each a reply. */
function requireReplies(replies: Buffer): void {
  let at = 0;
  while (at < replies.length) {
    const length = replies.length - at < 5 ? 0 : replies.readUInt32BE(at);
    const number = replies[at + 4] ?? 0;
    if (length < 5 || at + 4 + length > replies.length) throw new Error('a reply is cut');
    if (number !== 2 && (number < 101 || number > 105) && number !== 201)
      throw new Error(`message ${number} is no reply`);
    at += 4 + length;
  }
}
