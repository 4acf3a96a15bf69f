/** The processes that ask PAM for the server: a few, one of them kept warm, each with one transaction at a time. */
import { type ChildProcess, spawn } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import { bareEnvironment, ownProgram, withoutRings } from './own-program.ts';
import { type PamOrder, type PamSubject, pamWord } from './pam-words.ts';
import { type Ended, type PamAsk, type PamResult, PamWorker } from './pam-worker.ts';

export interface PamLoginRequest extends PamSubject {
  readonly allowEmpty: boolean;
  readonly changesToken: boolean;
}

/** The border between who decides about logins and who serves them: plain data in, plain data out. */
export interface PamService {
  /**
   * Authenticates a user, and judges the account where that succeeded.
   *
   * @throws SshError `operation-failed` where PAM cannot be asked, `aborted` at the signal.
   */
  authenticate(request: PamLoginRequest, ask: PamAsk, signal?: AbortSignal): Promise<PamResult>;
  /** Judges the account of somebody who logged in without PAM. */
  checkAccount(subject: PamSubject, signal?: AbortSignal): Promise<PamResult>;
  /** Ends the session that a process which is gone had opened. */
  closeSession(subject: PamSubject): Promise<PamResult>;
  /** Starts a process for the first question. */
  warmUp(): void;
  /** Ends the processes that wait. */
  close(): void;
}

export interface PamPoolOptions {
  /** Dialogues at once: a person may take a while, and a process waits with them. */
  readonly maxDialogues?: number;
  /** Transactions at once in which nobody is asked. Apart from the others, so that slow people hold up no keys. */
  readonly maxQuick?: number;
  /** Starts a process; tests give one of their own. */
  readonly start?: () => ChildProcess;
}

/** Processes that wait for the next question. */
const maxIdle = 2;
/** A module may ask for a longer wait; longer than anybody's patience it would only hold the connection. */
const maxDelayMs = 60_000;

/** Starts no process before it is told to be ready, or the first question. */
export function openPamPool(options: PamPoolOptions = {}): PamService {
  const { maxDialogues = 32, maxQuick = 16, start = startPamProcess } = options;
  let idle: PamWorker[] = [];
  let isClosed = false;
  const keep = (worker: PamWorker): void => {
    if (isClosed || !worker.isUsable || idle.length >= maxIdle) {
      worker.end();
      return;
    }
    idle.push(worker);
    void worker.ended.then(() => {
      idle = idle.filter((other) => other !== worker);
    });
  };
  const dialogues = new Line(maxDialogues);
  const quick = new Line(maxQuick);
  const ask = async (line: Line, order: PamOrder, answer: PamAsk, signal?: AbortSignal): Promise<Ended> => {
    await line.enter(signal);
    const worker = idle.pop() ?? new PamWorker(start());
    try {
      return await worker.run(order, answer, signal);
    } finally {
      keep(worker);
      line.leave();
    }
  };
  const run = async (line: Line, order: PamOrder, answer: PamAsk, signal?: AbortSignal): Promise<PamResult> => {
    const { result, delayMs } = await ask(line, order, answer, signal);
    // By now the process serves others.
    if (!result.isGood && delayMs > 0) await delay(Math.min(delayMs, maxDelayMs), undefined, { signal });
    return result;
  };
  const nobody: PamAsk = async () => undefined;
  return {
    authenticate: (request, answer, signal) =>
      run(request.changesToken ? dialogues : quick, { ...request, kind: 'login' }, answer, signal),
    checkAccount: (subject, signal) => run(quick, { ...subject, kind: 'account' }, nobody, signal),
    closeSession: (subject) => run(quick, { ...subject, kind: 'close' }, nobody),
    warmUp() {
      if (idle.length === 0) keep(new PamWorker(start()));
    },
    close() {
      isClosed = true;
      for (const worker of idle) worker.end();
    },
  };
}

/** Lets so many in at once; the others wait in the order in which they came. */
class Line {
  #room: number;
  readonly #waiting: (() => void)[] = [];

  constructor(room: number) {
    this.#room = room;
  }

  async enter(signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    if (this.#room > 0) {
      this.#room--;
      return;
    }
    await new Promise<void>((resolve, reject) => {
      const leave = () => {
        this.#waiting.splice(this.#waiting.indexOf(admit), 1);
        reject(signal?.reason as Error);
      };
      const admit = () => {
        signal?.removeEventListener('abort', leave);
        resolve();
      };
      this.#waiting.push(admit);
      signal?.addEventListener('abort', leave, { once: true });
    });
  }

  leave(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#room++;
    else next();
  }
}

function startPamProcess(): ChildProcess {
  const [file, ...args] = ownProgram(pamWord);
  return spawn(file, args, {
    cwd: '/',
    env: {
      ...bareEnvironment,
      ...withoutRings,
      ...(process.env.TZ !== undefined && { TZ: process.env.TZ }),
    },
    // What modules and their programs print is nobody's business here.
    stdio: ['pipe', 'ignore', 'ignore', 'pipe'],
    // What a terminal sends the server is not for it.
    detached: true,
  });
}
