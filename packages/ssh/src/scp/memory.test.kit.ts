/** For tests: files in memory, and the two ends of a conversation joined in memory or played by a script. */
import { SshError } from '../errors.ts';
import type { ScpSinkFiles, ScpSourceFiles, ScpSourceItem } from './files.ts';
import type { ScpTimes } from './records.ts';
import type { ScpStream } from './stream.ts';

export interface MemoryNode {
  kind: 'file' | 'folder' | 'link';
  mode: number;
  content: Buffer;
  times: ScpTimes | undefined;
}

/** Files by path; paths are latin1 text, a character a byte. */
export class MemoryFiles implements ScpSourceFiles, ScpSinkFiles {
  readonly nodes = new Map<string, MemoryNode>();
  /** Called before each piece is read or written: throws where the test wants a failure. */
  onPiece: ((path: string, offset: number) => void) | undefined;

  folder(path: string, mode = 0o755): this {
    this.nodes.set(path, { kind: 'folder', mode, content: Buffer.alloc(0), times: undefined });
    return this;
  }

  file(path: string, content: string | Buffer, mode = 0o644, times?: ScpTimes): this {
    this.nodes.set(path, { kind: 'file', mode, content: Buffer.from(content), times });
    return this;
  }

  link(path: string, target: string): this {
    this.nodes.set(path, { kind: 'link', mode: 0o777, content: Buffer.from(target), times: undefined });
    return this;
  }

  text(path: string): string | undefined {
    return this.nodes.get(path)?.content.toString('latin1');
  }

  /** Everything, a line each. */
  list(): string[] {
    return [...this.nodes]
      .map(([path, { kind, mode, content }]) => `${path} ${kind} ${mode.toString(8)} ${content.length}`)
      .sort();
  }

  async open(path: Buffer): Promise<ScpSourceItem> {
    const [at, node] = this.#find(path);
    if (node === undefined) throw new SshError('No such file or directory', { code: 'no-such-file', stage: 'scp' });
    const shared = { mode: node.mode, times: node.times ?? { modified: 1, accessed: 2 }, close: async () => {} };
    if (node.kind === 'folder') {
      const names = [...this.nodes.keys()]
        .filter((name) => name.startsWith(`${at}/`))
        .map((name) => name.slice(at.length + 1));
      return {
        ...shared,
        kind: 'folder',
        identity: at,
        names: async () => names.filter((name) => !name.includes('/')).map((name) => Buffer.from(name, 'latin1')),
      };
    }
    let offset = 0;
    return {
      ...shared,
      kind: 'file',
      size: node.content.length,
      read: async (byteCount) => {
        this.onPiece?.(at, offset);
        const piece = Buffer.from(node.content.subarray(offset, offset + byteCount));
        offset += piece.length;
        return piece;
      },
    };
  }

  async look(path: Buffer): Promise<'file' | 'folder' | undefined> {
    return this.#find(path)[1]?.kind as 'file' | 'folder' | undefined;
  }

  async followLink(path: Buffer): Promise<Buffer | undefined> {
    return this.nodes.get(path.toString('latin1'))?.kind === 'link' ? this.realPath(path) : undefined;
  }

  async realPath(path: Buffer): Promise<Buffer> {
    return Buffer.from(this.#find(path)[0], 'latin1');
  }

  async makeFolder(path: Buffer, mode: number): Promise<void> {
    this.folder(path.toString('latin1'), mode);
  }

  async create(path: Buffer, mode: number) {
    const [at, found] = this.#find(path);
    if (found?.kind === 'folder') throw new SshError('Is a directory', { code: 'operation-failed', stage: 'scp' });
    const node = found ?? this.file(at, '', mode).nodes.get(at);
    if (node === undefined) throw new Error('unreachable');
    let offset = 0;
    return {
      write: async (chunks: readonly Uint8Array[]) => {
        this.onPiece?.(at, offset);
        const bytes = Buffer.concat(chunks);
        node.content = Buffer.concat([
          node.content.subarray(0, offset),
          bytes,
          node.content.subarray(offset + bytes.length),
        ]);
        offset += bytes.length;
      },
      truncate: async (size: number) => {
        node.content = node.content.subarray(0, size);
      },
      getMode: async () => node.mode,
      setMode: async (newMode: number) => {
        node.mode = newMode;
      },
      setTimes: async (times: ScpTimes) => {
        node.times = times;
      },
      close: async () => {},
    };
  }

  async getMode(path: Buffer): Promise<number> {
    return this.#find(path)[1]?.mode ?? 0;
  }

  async setMode(path: Buffer, mode: number): Promise<void> {
    const node = this.#find(path)[1];
    if (node !== undefined) node.mode = mode;
  }

  async setTimes(path: Buffer, times: ScpTimes): Promise<void> {
    const node = this.#find(path)[1];
    if (node !== undefined) node.times = times;
  }

  /** Links of the whole path only, which is all that the tests make. */
  #find(path: Buffer): [string, MemoryNode | undefined] {
    let at = path.toString('latin1');
    for (let node = this.nodes.get(at); node?.kind === 'link'; node = this.nodes.get(at))
      at = node.content.toString('latin1');
    if (![...this.nodes.values()].some(({ kind }) => kind === 'link')) return [at, this.nodes.get(at)];
    const parts = at.split('/');
    for (let i = 1; i < parts.length; i++) {
      const above = this.nodes.get(parts.slice(0, i).join('/'));
      if (above?.kind === 'link') at = [above.content.toString('latin1'), ...parts.slice(i)].join('/');
    }
    return [at, this.nodes.get(at)];
  }
}

type Listener = (value: never) => void;

/** One end of a line in memory. What is written goes to `onWrite`; the test feeds what is read. */
export class MemoryStream implements ScpStream {
  onWrite: (bytes: Buffer) => void = () => {};
  onEnd: () => void = () => {};
  /** Has every write ask the writer to wait, and says `drain` in a later turn. */
  isSlow = false;
  isPaused = false;
  destroyed = false;
  readonly #listeners: Record<string, Listener[]> = {};

  write(bytes: Uint8Array): boolean {
    if (this.destroyed) throw new Error('it writes after its end');
    this.onWrite(Buffer.from(bytes));
    if (this.isSlow) setImmediate(() => this.emit('drain'));
    return !this.isSlow;
  }

  on(event: string, listener: Listener): void {
    this.#listeners[event] ??= [];
    this.#listeners[event].push(listener);
  }

  emit(event: 'data' | 'end' | 'close' | 'drain' | 'error', value?: unknown): void {
    for (const listener of this.#listeners[event] ?? []) listener(value as never);
  }

  pause(): void {
    this.isPaused = true;
  }

  resume(): void {
    this.isPaused = false;
  }

  end(): void {
    this.onEnd();
  }

  destroy(): void {
    if (this.destroyed) return;
    this.destroyed = true;
    this.onEnd();
    setImmediate(() => this.emit('close'));
  }
}

/** Two streams, each of which reads what the other writes, cut into pieces of at most so many bytes. */
export function memoryLine(pieceBytes = 1 << 30): [MemoryStream, MemoryStream] {
  const ends: [MemoryStream, MemoryStream] = [new MemoryStream(), new MemoryStream()];
  const connect = (from: MemoryStream, to: MemoryStream) => {
    from.onWrite = (bytes) => {
      for (let at = 0; at < bytes.length; at += pieceBytes) {
        const piece = bytes.subarray(at, at + pieceBytes);
        setImmediate(() => to.emit('data', piece));
      }
    };
    from.onEnd = () => setImmediate(() => to.emit('end'));
  };
  connect(ends[0], ends[1]);
  connect(ends[1], ends[0]);
  return ends;
}

/**
 * A stream whose other end is a script: each string is sent after the wait before it, numbers wait for so many bytes to have come
 * since the last wait. Ends after the last step.
 */
export function scripted(steps: readonly (string | number | Buffer)[]): {
  stream: MemoryStream;
  written: () => string;
} {
  const stream = new MemoryStream();
  let written = '';
  let answered = 0;
  const left = [...steps];
  const go = () => {
    for (let step = left[0]; step !== undefined; step = left[0]) {
      if (typeof step === 'number') {
        if (written.length - answered < step) return;
        answered += step;
      } else stream.emit('data', typeof step === 'string' ? Buffer.from(step, 'latin1') : step);
      left.shift();
    }
    stream.emit('end');
  };
  stream.onWrite = (bytes) => {
    written += bytes.toString('latin1');
    setImmediate(go);
  };
  setImmediate(go);
  return { stream, written: () => written };
}
