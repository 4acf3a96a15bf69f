/** Keeps what V8 made of a tool's code beside the program, so that the next start neither parses nor compiles it again. */
import { isAscii } from 'node:buffer';
import {
  closeSync,
  constants,
  fstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  type Stats,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';
import vm from 'node:vm';
import { isForcedOff } from './fast-paths.ts';

/** A file of code that has run. */
export interface LoadedCode {
  readonly exports: unknown;
  /** False where it had to be compiled. */
  readonly wasKept: boolean;
  /** Kept a moment ago, maybe by a run that used little: `ssh -O check` comes before the first session. */
  readonly isRecent: boolean;
  /** To be called when the program ends, since until then functions are compiled as they are first called. */
  keep(): Promise<void>;
}

/** Numbers of 8 bytes: time and size of the source, the size of what is kept, and how much code there was when it was kept. */
const headerBytes = 32;

const recentMs = 60_000;

/** So much more compiled code than was kept is worth keeping anew. */
const worthKeepingBytes = 96 * 1024;

/**
 * Runs a CommonJS file, by the code that an earlier run kept in `folder` where there is some for this very file and this Node.
 *
 * V8 runs kept code unseen, and compares no more of the source than its length. So it is taken only from a file that nobody can
 * have written but root, this user, or whoever owns the source; `folder` is to be one that has the same owner as the code.
 *
 * @returns undefined where there is no such file or this Node cannot; it is to be loaded in the ordinary way then.
 */
export function loadCompiled(file: string, folder: string): LoadedCode | undefined {
  // Before Node 20.12 code that is run in this way could not import().
  const importModuleDynamically = vm.constants?.USE_MAIN_CONTEXT_DEFAULT_LOADER;
  if (isForcedOff('NACRE_CODE_CACHE') || importModuleDynamically === undefined) return undefined;
  const source = readWith(file);
  if (source === undefined) return undefined;
  silenceImport();
  const place = join(folder, `${basename(file)}-${process.version}-${process.arch}`);
  const kept = readKept(place, source);
  // Taking ASCII as what it is spares decoding and half of the memory.
  const text = source.bytes.toString(isAscii(source.bytes) ? 'latin1' : 'utf8');
  const script = new vm.Script(`(function (exports, require, module, __filename, __dirname) { ${text}\n})`, {
    filename: file,
    importModuleDynamically,
    ...(kept !== undefined && { cachedData: kept.code }),
  });
  const module = { exports: {} };
  const run = script.runInThisContext() as (...given: unknown[]) => void;
  run.call(module.exports, module.exports, createRequire(file), module, file, dirname(file));
  const wasKept = kept !== undefined && script.cachedDataRejected === false;
  return {
    exports: module.exports,
    wasKept,
    isRecent: kept !== undefined && Date.now() - kept.keptMs < recentMs,
    async keep() {
      const compiledBytes = (await import('node:v8')).getHeapCodeStatistics().bytecode_and_metadata_size;
      if (wasKept && compiledBytes < kept.compiledBytes + worthKeepingBytes) return;
      const code = script.createCachedData();
      write(place, Buffer.concat([header(source.stats, code, compiledBytes), code]));
    },
  };
}

let isSilent = false;

/** Newer Nodes say at the first import() of such code that it is an experiment: nothing that whoever runs a tool could act on. */
function silenceImport(): void {
  if (isSilent) return;
  isSilent = true;
  const { emitWarning } = process;
  process.emitWarning = (warning: string | Error, ...more: unknown[]): void => {
    if (String(warning).startsWith('vm.USE_MAIN_CONTEXT_DEFAULT_LOADER ')) return;
    Reflect.apply(emitWarning, process, [warning, ...more]);
  };
}

interface ReadFile {
  readonly bytes: Buffer;
  readonly stats: Stats;
}

function readWith(file: string): ReadFile | undefined {
  let descriptor: number | undefined;
  try {
    descriptor = openSync(file, constants.O_RDONLY | constants.O_NOFOLLOW);
    return { stats: fstatSync(descriptor), bytes: readFileSync(descriptor) };
  } catch {
    return undefined;
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}

function readKept(
  place: string,
  source: ReadFile,
): { code: Buffer; compiledBytes: number; keptMs: number } | undefined {
  const kept = readWith(place);
  if (kept === undefined || kept.bytes.length < headerBytes || !isTrusted(kept.stats, source.stats)) return undefined;
  const compiledBytes = kept.bytes.readDoubleLE(headerBytes - 8);
  const code = kept.bytes.subarray(headerBytes);
  if (!kept.bytes.subarray(0, headerBytes).equals(header(source.stats, code, compiledBytes))) return undefined;
  return { code, compiledBytes, keptMs: kept.stats.mtimeMs };
}

function isTrusted({ mode, uid }: Stats, source: Stats): boolean {
  return (mode & 0o022) === 0 && (uid === 0 || uid === source.uid || uid === process.geteuid?.());
}

function header({ mtimeMs, size }: Stats, code: Buffer, compiledBytes: number): Buffer {
  const bytes = Buffer.alloc(headerBytes);
  for (const [i, value] of [mtimeMs, size, code.length, compiledBytes].entries()) bytes.writeDoubleLE(value, i * 8);
  return bytes;
}

/** Whole or not at all: others start meanwhile. Whoever may not write here does without. */
function write(place: string, bytes: Buffer): void {
  const draft = `${place}.${process.pid}`;
  try {
    mkdirSync(dirname(place), { recursive: true, mode: 0o755 });
    writeFileSync(draft, bytes, { mode: 0o644, flag: 'wx' });
    renameSync(draft, place);
  } catch {
    rmSync(draft, { force: true });
  }
}
