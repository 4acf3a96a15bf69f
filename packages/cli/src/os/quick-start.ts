/** Starts a program without a copy of this process: by posix_spawn, where Node forks. Linux. */
import { constants } from 'node:os';
import { isForcedOff } from './fast-paths.ts';
import { loadKoffi } from './native.ts';

export interface QuickRequest {
  /** An absolute path. */
  readonly file: string;
  readonly argv: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly cwd: string;
  /** What the program has as its input, output and errors. */
  readonly descriptors: readonly [stdin: number, stdout: number, stderr: number];
}

export interface QuickProcess {
  readonly pid: number;
  /** The process is gone. Never rejects. */
  readonly exit: Promise<{ readonly code: number | null; readonly signal: NodeJS.Signals | null }>;
  readonly isRunning: () => boolean;
}

/**
 * Prepares the start of a program in a session of its own, every signal at its default: fork copies the tables of a process of a
 * hundred megabytes, which is most of what a short command costs its server.
 *
 * @returns what starts it, and gives undefined where that fails: Node's own way then says why. Undefined where there are no such
 *   calls, the request has what C cannot take, or NACRE_SPAWN=fallback asks for Node's way.
 */
export function prepareQuickStart(request: QuickRequest): (() => QuickProcess | undefined) | undefined {
  if (isForcedOff('NACRE_SPAWN')) return undefined;
  if (bound === undefined) bound = tryBind();
  const calls = bound;
  if (calls === null || !isPlain(request)) return undefined;
  const actions = calls.makeActions(request);
  return actions && (() => start(calls, request, actions));
}

let bound: Calls | null | undefined;
/** Those that run, by what takes their end. */
const running = new Map<number, (status: number) => void>();

/** A descriptor below these would be overwritten before it is used. */
const firstFree = 3;

function isPlain({ file, argv, environment, cwd, descriptors }: QuickRequest): boolean {
  const words = [file, cwd, ...argv, ...Object.values(environment)];
  return !words.some((word) => word.includes('\0')) && descriptors.every((fd) => fd >= firstFree);
}

function start(calls: Calls, request: QuickRequest, actions: Buffer): QuickProcess | undefined {
  if (running.size === 0) process.on('SIGCHLD', reap);
  let isRunning = false;
  try {
    const pid = calls.spawn(request, actions);
    if (pid === undefined) return undefined;
    isRunning = true;
    const exit = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((resolve) => {
      running.set(pid, (status) => {
        isRunning = false;
        resolve(exitOf(status));
      });
    });
    return { pid, exit, isRunning: () => isRunning };
  } finally {
    if (running.size === 0) process.off('SIGCHLD', reap);
  }
}

/** Each is asked for by its number: the others are Node's, which asks for its own in the same way. */
function reap(): void {
  for (const [pid, settle] of running) {
    const status = bound?.wait(pid);
    if (status === undefined) continue;
    running.delete(pid);
    settle(status);
  }
  if (running.size === 0) process.off('SIGCHLD', reap);
}

const signalNames = new Map(Object.entries(constants.signals).map(([name, number]) => [number, name]));

/** wait(2): the signal in seven bits, and above them a core file's bit and the status. */
function exitOf(status: number): { code: number | null; signal: NodeJS.Signals | null } {
  const signal = status & 0x7f;
  if (signal === 0) return { code: (status >> 8) & 0xff, signal: null };
  return { code: null, signal: (signalNames.get(signal) ?? `SIG${signal}`) as NodeJS.Signals };
}

interface Calls {
  makeActions(request: QuickRequest): Buffer | undefined;
  /** Undefined where it could not be started. */
  spawn(request: QuickRequest, actions: Buffer): number | undefined;
  /** The status of one that has ended. */
  wait(pid: number): number | undefined;
}

/** Larger than any C library's structures: 336 and 80 bytes in glibc, less in musl. */
const structureBytes = 1024;
const signalSetBytes = 128;
const setSignalDefaults = 0x04;
const setSignalMask = 0x08;
const setSession = 0x80;
const noHang = 1;

function tryBind(): Calls | null {
  if (process.platform !== 'linux') return null;
  try {
    return bind();
  } catch {
    // An older C library.
    return null;
  }
}

function bind(): Calls {
  const koffi = loadKoffi();
  const lib = koffi.load(null);
  const initActions = lib.func('int posix_spawn_file_actions_init(void *actions)');
  const addCopy = lib.func('int posix_spawn_file_actions_adddup2(void *actions, int from, int to)');
  const addFolder = lib.func('int posix_spawn_file_actions_addchdir_np(void *actions, const char *path)');
  const destroyActions = lib.func('int posix_spawn_file_actions_destroy(void *actions)');
  const initAttributes = lib.func('int posix_spawnattr_init(void *attributes)');
  const setFlags = lib.func('int posix_spawnattr_setflags(void *attributes, short flags)');
  const setDefaults = lib.func('int posix_spawnattr_setsigdefault(void *attributes, const void *set)');
  const setMask = lib.func('int posix_spawnattr_setsigmask(void *attributes, const void *set)');
  const spawn = lib.func(
    'int posix_spawn(_Out_ int *pid, const char *path, const void *actions, const void *attributes, const char **argv, const char **environment)',
  );
  const waitpid = lib.func('int waitpid(int pid, _Out_ int *status, int options)');
  const attributes = Buffer.alloc(structureBytes);
  const isReady =
    initAttributes(attributes) === 0 &&
    setDefaults(attributes, Buffer.alloc(signalSetBytes, 0xff)) === 0 &&
    setMask(attributes, Buffer.alloc(signalSetBytes)) === 0 &&
    setFlags(attributes, setSignalDefaults | setSignalMask | setSession) === 0;
  if (!isReady) throw new Error('posix_spawn does not know sessions');
  return {
    makeActions({ cwd, descriptors }) {
      const actions = Buffer.alloc(structureBytes);
      if (initActions(actions) !== 0) return undefined;
      const isMade = descriptors.every((fd, at) => addCopy(actions, fd, at) === 0) && addFolder(actions, cwd) === 0;
      if (isMade) return actions;
      destroyActions(actions);
      return undefined;
    },
    spawn({ file, argv, environment }, actions) {
      const pairs = Object.entries(environment).map(([name, value]) => `${name}=${value}`);
      const pid: [number] = [0];
      const status = spawn(pid, file, actions, attributes, [...argv, null], [...pairs, null]);
      destroyActions(actions);
      return status === 0 ? pid[0] : undefined;
    },
    wait(pid) {
      const status: [number] = [0];
      return waitpid(pid, status, noHang) === pid ? status[0] : undefined;
    },
  };
}
