/** scp: a source's records and data at our sink, a sink's answers at our source, and patterns of names. */
import { SshError } from '@nacre/ssh/errors';
import {
  expandBraces,
  matchGlob,
  requestedNames,
  runSink,
  runSource,
  ScpPeer,
  type ScpSinkFiles,
  type ScpSourceFiles,
  type ScpStream,
} from '@nacre/ssh/scp';
import type { FuzzTarget } from '../target.ts';
import { nextTurn } from '../transport-subject.ts';

class Stream implements ScpStream {
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

  emit(event: 'data' | 'end' | 'close', value?: Buffer): void {
    for (const listener of this.#listeners[event] ?? []) listener(value as never);
  }

  pause(): void {}
  resume(): void {}
  end(): void {}

  destroy(): void {
    this.destroyed = true;
  }
}

/** Notes what is touched; whatever lies outside of the target is an error of ours. */
class SinkFiles implements ScpSinkFiles {
  readonly #folders = new Set(['t']);
  readonly #files = new Set<string>();

  async look(path: Buffer): Promise<'file' | 'folder' | undefined> {
    const at = this.#check(path);
    return this.#folders.has(at) ? 'folder' : this.#files.has(at) ? 'file' : undefined;
  }

  async followLink(): Promise<undefined> {}

  async realPath(path: Buffer): Promise<Buffer> {
    return path;
  }

  async makeFolder(path: Buffer): Promise<void> {
    this.#folders.add(this.#check(path));
  }

  async create(path: Buffer, mode: number) {
    if ((mode & 0o7000) !== 0) throw new Error(`a file was made with mode ${mode.toString(8)}`);
    this.#files.add(this.#check(path));
    let length = 0;
    return {
      write: async (chunks: readonly Uint8Array[]) => {
        for (const chunk of chunks) length += chunk.length;
      },
      truncate: async (size: number) => {
        if (size !== length) throw new Error(`a file of ${size} bytes got ${length}`);
      },
      getMode: async () => mode,
      setMode: async () => {},
      setTimes: async () => {},
      close: async () => {},
    };
  }

  async getMode(): Promise<number> {
    return 0o755;
  }

  async setMode(): Promise<void> {}
  async setTimes(): Promise<void> {}

  #check(path: Buffer): string {
    const text = path.toString('latin1');
    const names = text.split('/').slice(1);
    const isInside = text === 't' || text.startsWith('t/');
    if (!isInside || names.some((name) => ['', '.', '..'].includes(name) || name.includes('\0'))) {
      throw new Error(`this was touched: ${JSON.stringify(text)}`);
    }
    if (names.length > 0 && !/^[ab]/.test(names[0] as string)) throw new Error(`this was not asked for: ${text}`);
    return text;
  }
}

/** Feeds the input in pieces of the size that its first byte says; the call must settle, with an SshError if with any. */
async function converse(input: Buffer, run: (peer: ScpPeer) => Promise<unknown>): Promise<void> {
  const stream = new Stream();
  const bytes = input.subarray(1);
  const size = input[0] || bytes.length || 1;
  const outcome = run(new ScpPeer(stream)).then(
    () => undefined,
    (error: unknown) => error,
  );
  for (let at = 0; at < bytes.length && !stream.destroyed; at += size) {
    stream.emit('data', Buffer.from(bytes.subarray(at, at + size)));
    if (size > 8) await nextTurn();
  }
  stream.emit('end');
  stream.emit('close');
  const error = await outcome;
  if (error !== undefined && !(error instanceof SshError)) throw error as Error;
}

const seed = (size: number, text: string) => Buffer.from(`${String.fromCharCode(size)}${text}`, 'latin1');

/** Byte 0: size of the reads. Asked for: names that begin with a or b, folders too. */
export const scpSink: FuzzTarget = {
  name: 'scp-sink',
  seeds: [
    seed(0, 'T1 0 2 0\nC0644 4 a1\ndata\0C4755 0 b\n\0'),
    seed(7, 'D0755 0 a\nC0600 3 x\nabc\0D0755 0 y\nE\nE\n\x01scp: words\nC0644 1 a/\nx\0'),
    seed(0, 'C0644 3 a\nab\0\x01scp: read error\nC0644 1 ..\nx\0'),
    seed(30, 'bash: scp: command not found\n'),
    seed(0, '\x02scp: over\n'),
  ],
  async run(input) {
    const failures: SshError[] = [];
    const names = requestedNames(Buffer.from('{a*,b?,b}'), 'pattern');
    await converse(input, (peer) =>
      runSink(peer, Buffer.from('t'), new SinkFiles(), {
        recursive: true,
        names,
        onFailure: (error) => void failures.push(error),
      }),
    );
    for (const { message } of failures) {
      if (/was touched|not asked for|with mode|bytes got|\p{Cc}/u.test(message)) throw new Error(message);
    }
  },
};

const sourceFiles: ScpSourceFiles = {
  async open(path) {
    const shared = { mode: 0o644, times: { modified: 1, accessed: 2 }, close: async () => {} };
    if (path.toString() === 'd') {
      return { ...shared, kind: 'folder', identity: 'd', names: async () => [Buffer.from('f'), Buffer.from('g')] };
    }
    let left = 5;
    return {
      ...shared,
      kind: 'file',
      size: 5,
      read: async (byteCount) => Buffer.alloc(Math.min(byteCount, left--)),
    };
  },
};

/** Byte 0: size of the reads. */
export const scpSource: FuzzTarget = {
  name: 'scp-source',
  seeds: [seed(1, '\0'.repeat(20)), seed(0, '\0\0\x01no\n\0\0\x02full\n'), seed(3, '\0\0words of a shell\n')],
  run: (input) =>
    converse(input, (peer) =>
      runSource(peer, [Buffer.from('a'), Buffer.from('d'), Buffer.from('b')], sourceFiles, {
        recursive: true,
        preserve: true,
      }),
    ),
};

/** A pattern, a line feed, a name. */
export const namePattern: FuzzTarget = {
  name: 'name-pattern',
  seeds: [
    Buffer.from('a*[!b-d]?{x,y{1,2}}\nab'),
    Buffer.from('[[:alpha:]é-ü]*\nö'),
    Buffer.from('{a,{b,{c,}}}\\*\nc*'),
  ],
  run(input) {
    const at = input.indexOf(0x0a);
    const [pattern, name] = at < 0 ? [input, input] : [input.subarray(0, at), input.subarray(at + 1)];
    matchGlob(pattern.subarray(0, 200), name.subarray(0, 200));
    for (const one of expandBraces(pattern.subarray(0, 200))) {
      if (one.length > pattern.length) throw new Error('a brace made a pattern longer');
    }
    const literal = Buffer.from(Array.from(name.subarray(0, 100)).flatMap((byte) => [0x5c, byte]));
    if (!matchGlob(literal, name.subarray(0, 100))) throw new Error('a name does not fit itself');
  },
};
