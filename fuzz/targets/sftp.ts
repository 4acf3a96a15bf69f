/** sftp: a server's answers to our client, and every message by itself. */
import { SshError } from '@nacre/ssh/errors';
import { expandGlob, type SftpFile, type SftpStream, sftpMessages, startSftp } from '@nacre/ssh/sftp';
import { type Message, WireWriter } from '@nacre/ssh/wire';
import type { FuzzTarget } from '../target.ts';
import { nextTurn } from '../transport-subject.ts';

class Stream implements SftpStream {
  destroyed = false;
  readonly #listeners: Record<string, ((value: never) => void)[]> = {};

  write(): boolean {
    if (this.destroyed) throw new Error('it writes after its end');
    return true;
  }

  on(event: string, listener: (value: never) => void): void {
    this.#listeners[event] ??= [];
    this.#listeners[event].push(listener);
  }

  emit(event: 'data' | 'end', value?: Buffer): void {
    for (const listener of this.#listeners[event] ?? []) listener(value as never);
  }

  destroy(): void {
    this.destroyed = true;
  }
}

const frame = (type: number, id: number, ...parts: Uint8Array[]) =>
  new WireWriter().string(Buffer.concat([new WireWriter().uint8(type).uint32(id).finish(), ...parts])).finish();
const strings = (...parts: (string | Uint8Array)[]) =>
  parts.reduce((writer: WireWriter, part) => writer.string(part), new WireWriter()).finish();
const number = (value: number) => new WireWriter().uint32(value).finish();

const attributes = Buffer.from('0000000f00000000000000050000000100000002000081a40000000300000004', 'hex');
const entry = Buffer.concat([strings('name', '-rw-r--r--'), attributes]);
const greeting = frame(2, 3, strings('posix-rename@openssh.com', '1', 'statvfs@openssh.com', '2'));
const fullGreeting = frame(
  2,
  3,
  strings(
    ...['expand-path@openssh.com', '1', 'users-groups-by-id@openssh.com', '1', 'copy-data', '1'],
    ...['check-file', 'sha256', 'fstatvfs@openssh.com', '2', 'posix-rename@openssh.com', '1'],
  ),
);
const home = Buffer.concat([strings('/home/j', ''), Buffer.alloc(4)]);
const folder = Buffer.from('00000004000041ed', 'hex');
const status = (id: number, code: number) => frame(101, id, number(code), strings('words', ''));

/** Byte 0: size of the reads. The calls are made at once, and every one must settle. */
export const sftpClient: FuzzTarget = {
  name: 'sftp-client',
  seeds: [
    Buffer.concat([
      ...[Buffer.of(0), greeting, frame(105, 0, attributes), frame(102, 1, strings('h')), frame(102, 2, strings('d'))],
      ...[frame(104, 3, number(1), entry), status(4, 0), status(5, 2), frame(201, 6, Buffer.alloc(88))],
      ...[frame(103, 7, strings('data')), frame(104, 8, number(2), entry, entry), status(9, 1), status(10, 1)],
    ]),
    Buffer.concat([
      ...[Buffer.of(0), fullGreeting, frame(102, 0, strings('i')), frame(104, 1, number(1), home)],
      ...[
        frame(201, 2, strings(strings('root'), strings('wheel'))),
        frame(105, 3, folder),
        frame(102, 4, strings('l')),
      ],
      ...[frame(102, 5, strings('m')), frame(103, 13, strings(Buffer.alloc(32_768))), status(14, 1), status(15, 1)],
      ...[frame(201, 16, strings('check-file', 'sha256'), Buffer.alloc(32)), frame(201, 17, Buffer.alloc(88))],
      ...[status(18, 0), frame(102, 19, strings('k')), frame(104, 20, number(1), entry), status(21, 1)],
    ]),
    Buffer.concat([Buffer.of(3), greeting, status(8, 4), status(0, 0), status(1, 3)]),
    Buffer.concat([Buffer.of(0), Buffer.from('This account is not available.\n')]),
  ],
  async run(input) {
    const stream = new Stream();
    const bytes = input.subarray(1);
    const size = input[0] || bytes.length || 1;
    const starting = startSftp(stream);
    starting.catch(() => {});
    let at = 0;
    // The greeting first: only behind it are there calls to answer.
    const first = Math.min(bytes.length, 4 + (bytes.length < 4 ? 0 : bytes.readUInt32BE(0)));
    for (; at < first; at += size) stream.emit('data', Buffer.from(bytes.subarray(at, Math.min(at + size, first))));
    await nextTurn();
    if (stream.destroyed || bytes.length === 0) stream.emit('end');
    else if (first === bytes.length) stream.emit('end');
    const client = await starting;
    const file = client.open('i', { read: true, write: true });
    const calls: Promise<unknown>[] = [
      file.then(readThrough),
      file.then((open) => open.digest(['sha256'])),
      file.then((open) => open.statFileSystem()),
      file.then((open) => open.copyTo(open, { length: 1 })),
      client.expandPath('~j'),
      client.namesOf({ users: [1], groups: [2] }),
      client.fs.rm('k', { recursive: true }),
      client.fs.readdir('l'),
      expandGlob(client, 'm/*/n'),
      client.stat('a'),
      client.readFile('b'),
      readAll(client.readdir('c')),
      client.realpath('d'),
      client.rename('e', 'f'),
      client.remove('g'),
      client.statFileSystem('h'),
    ];
    const settled = Promise.allSettled(calls);
    for (at = first; at < bytes.length; at += size) {
      stream.emit('data', Buffer.from(bytes.subarray(at, at + size)));
      await nextTurn();
    }
    stream.emit('end');
    for (const result of await settled) {
      if (result.status === 'rejected' && !(result.reason instanceof SshError)) throw result.reason;
    }
    const end = await client.closed;
    if (end === undefined) throw new Error('the session ended, and nobody says why');
    if (end.code !== 'closed') throw end;
  },
};

/** A message by itself: what decodes is encoded to something that decodes to the same. */
export const sftpMessage: FuzzTarget = {
  name: 'sftp-messages',
  seeds: [
    Buffer.concat([Buffer.of(3, 0, 0, 0, 1), strings('path'), number(0x1a), attributes]),
    Buffer.concat([Buffer.of(104, 0, 0, 0, 1), number(2), entry, entry]),
    Buffer.concat([
      Buffer.of(9, 0, 0, 0, 1),
      strings('path'),
      Buffer.from('80000000', 'hex'),
      number(1),
      strings('a', 'b'),
    ]),
    Buffer.concat([Buffer.of(101, 0, 0, 0, 1), number(4)]),
    Buffer.concat([Buffer.of(2, 0, 0, 0, 3), strings('limits@openssh.com', '1')]),
    Buffer.concat([Buffer.of(6, 0, 0, 0, 3), strings('handle'), Buffer.alloc(8), strings('data')]),
  ],
  run(input) {
    const messages = sftpMessages as readonly Message<unknown>[];
    const message = messages.find((candidate) => candidate.number === input[0]);
    if (message === undefined) return;
    const again = roundTrip(message, input);
    if (!again.equals(roundTrip(message, again))) throw new Error(`${message.name} changes when it is written again`);
  },
};

function roundTrip<T>(message: Message<T>, bytes: Buffer): Buffer {
  return message.encode(message.decode(bytes));
}

async function readThrough(file: SftpFile): Promise<void> {
  const reader = file.reader({ expectedEnd: 100_000 });
  let position = 0;
  for (let chunk = await reader.next(); chunk !== undefined; chunk = await reader.next()) {
    if (chunk.position !== position) throw new Error('bytes out of their order');
    position += chunk.data.length;
    chunk.release();
  }
}

async function readAll(entries: AsyncIterable<unknown>): Promise<void> {
  for await (const _ of entries) {
    // Each is looked at on the way here.
  }
}
