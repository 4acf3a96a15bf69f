/** The server's end of a process that makes a user's sockets as the user: orders go as lines, sockets come back as descriptors. */
import { type ChildProcess, spawn } from 'node:child_process';
import { close as closeDescriptor, closeSync } from 'node:fs';
import { Socket } from 'node:net';
import type { Duplex, Readable, Writable } from 'node:stream';
import { SshError } from '@nacre/ssh/errors';
import { type Account, asAccount, type Platform, platform } from '../../os/index.ts';
import { bareEnvironment, ownProgram } from './own-program.ts';
import { helperWord, type UserSockets } from './own-sockets.ts';
import type { HelperOrder } from './user-helper-process.ts';

export interface UserHelper extends UserSockets {
  /** Settles when the process is gone, or does not do as it should. */
  readonly ended: Promise<void>;
  /** Has it remove its sockets and go. */
  end(): void;
}

/** The process is the user's, who may stop it or speak in its place: neither may cost the server memory. */
const maxOrders = 256;
const maxLineBytes = 8192;

/**
 * Starts the process.
 *
 * @throws SshError where it cannot be started.
 */
export function startUserHelper(account: Account): UserHelper {
  const system = platform();
  const [ours, theirs] = system.openSocketPair();
  let child: ChildProcess;
  try {
    const { file, args } = asAccount(account, ownProgram(helperWord));
    child = spawn(file, args, {
      cwd: '/',
      env: bareEnvironment,
      stdio: ['pipe', 'pipe', 'ignore', theirs],
      // What a terminal sends the server is not for it.
      detached: true,
    });
  } catch (error) {
    closeSync(ours);
    throw error;
  } finally {
    closeSync(theirs);
  }
  return new Helper(child, ours, system);
}

interface Answer {
  readonly id: number;
  readonly error?: string;
  readonly path?: string;
  /** A descriptor comes with it. */
  readonly hasSocket?: boolean;
}

interface Waiting {
  resolve(answer: Answer, socket: Socket | undefined): void;
  reject(error: Error): void;
}

/** A process that was started, and the socket over which it passes descriptors. */
export class Helper implements UserHelper {
  readonly ended: Promise<void>;
  readonly #child: ChildProcess;
  readonly #system: Platform;
  readonly #stdin: Writable;
  #passingFd: number | undefined;
  #nextId = 1;
  #reason = 'the user’s process has ended';
  #rest = '';
  readonly #waiting = new Map<number, Waiting>();
  readonly #listening = new Map<number, (stream: Duplex) => void>();

  constructor(child: ChildProcess, passingFd: number, system: Platform) {
    this.#child = child;
    this.#system = system;
    this.#passingFd = passingFd;
    this.#stdin = child.stdin as Writable;
    this.#stdin.on('error', () => {});
    const stdout = child.stdout as Readable;
    stdout.setEncoding('utf8');
    stdout.on('error', () => this.#break());
    stdout.on('data', (text: string) => this.#take(text));
    this.ended = new Promise((resolve) => {
      const finish = () => {
        this.#break();
        resolve();
      };
      child.on('error', finish);
      child.on('exit', (status) => {
        // Mostly because the user may not read the program.
        if (status !== null && status !== 0)
          this.#reason = `a process as the user ended with status ${status}: can the user run ${process.execPath} and read the files of this program?`;
        finish();
      });
    });
  }

  async listenAgent(onConnection: (stream: Duplex) => void) {
    const { id, answer } = await this.#order({ kind: 'agent' }, onConnection);
    return { path: answer.path ?? '', close: () => this.#close(id) };
  }

  async listen(path: string, rules: { bindMask: number; unlinkFirst: boolean }, onConnection: (s: Duplex) => void) {
    try {
      const { id } = await this.#order({ kind: 'listen', path, ...rules }, onConnection);
      return { close: () => this.#close(id) };
    } catch {
      return undefined;
    }
  }

  async connect(path: string): Promise<Duplex> {
    const { socket } = await this.#order({ kind: 'connect', path });
    if (socket === undefined) throw helperError('the user’s process passed no socket');
    return socket;
  }

  end(): void {
    this.#stdin.end();
  }

  #close(id: number): void {
    if (this.#listening.delete(id)) this.#send({ kind: 'close', id });
  }

  #order(
    order: OrderWithoutId,
    onConnection?: (stream: Duplex) => void,
  ): Promise<{ id: number; answer: Answer; socket: Socket | undefined }> {
    if (this.#passingFd === undefined) return Promise.reject(helperError(this.#reason));
    if (this.#waiting.size >= maxOrders) return Promise.reject(helperError('too much waits for the user’s process'));
    const id = this.#nextId++;
    // From the start: who connects may be told of before the order is answered.
    if (onConnection !== undefined) this.#listening.set(id, onConnection);
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, {
        resolve: (answer, socket) => resolve({ id, answer, socket }),
        reject: (error) => {
          this.#listening.delete(id);
          reject(error);
        },
      });
      this.#send({ ...order, id });
    });
  }

  #send(order: HelperOrder): void {
    if (this.#stdin.writable) this.#stdin.write(`${JSON.stringify(order)}\n`);
  }

  #take(text: string): void {
    const lines = (this.#rest + text).split('\n');
    this.#rest = lines.pop() ?? '';
    const isGood = this.#rest.length <= maxLineBytes && lines.every((line) => this.#takeLine(line));
    if (!isGood) this.#break();
  }

  /** False for what no helper says. */
  #takeLine(line: string): boolean {
    const answer = parseAnswer(line);
    if (answer === undefined || this.#passingFd === undefined) return false;
    const socket = answer.hasSocket === true ? this.#receive(this.#passingFd) : undefined;
    if (answer.hasSocket === true && socket === undefined) return false;
    this.#settle(answer, socket);
    return true;
  }

  #settle(answer: Answer, socket: Socket | undefined): void {
    const waiting = this.#waiting.get(answer.id);
    if (waiting !== undefined && (answer.hasSocket !== true || !this.#listening.has(answer.id))) {
      this.#waiting.delete(answer.id);
      if (answer.error === undefined) waiting.resolve(answer, socket);
      else waiting.reject(helperError(answer.error));
      return;
    }
    const onConnection = this.#listening.get(answer.id);
    if (socket === undefined) return;
    if (onConnection === undefined) socket.destroy();
    else onConnection(socket);
  }

  /** The line comes behind the descriptor it speaks of, so nothing is waited for. */
  #receive(passingFd: number): Socket | undefined {
    const received = this.#system.receiveDescriptors(passingFd);
    if (received === 'nothing' || received === 'ended') return undefined;
    const [fd] = received.fds;
    if (fd === undefined || received.fds.length !== 1 || !received.isWhole) {
      for (const each of received.fds) closeDescriptor(each, () => {});
      return undefined;
    }
    // It may be anything at all that the user could open.
    this.#system.stopLingering(fd);
    try {
      const socket = new Socket({ fd, readable: true, writable: true, allowHalfOpen: true });
      socket.on('error', () => {});
      return socket;
    } catch {
      closeDescriptor(fd, () => {});
      return undefined;
    }
  }

  /** Nothing more is expected of it. */
  #break(): void {
    if (this.#passingFd === undefined) return;
    closeSync(this.#passingFd);
    this.#passingFd = undefined;
    this.#stdin.destroy();
    this.#child.stdout?.destroy();
    this.#listening.clear();
    for (const { reject } of this.#waiting.values()) reject(helperError(this.#reason));
    this.#waiting.clear();
  }
}

type OrderWithoutId = HelperOrder extends infer Order ? (Order extends unknown ? Omit<Order, 'id'> : never) : never;

function parseAnswer(line: string): Answer | undefined {
  try {
    const value = JSON.parse(line) as Answer;
    const isAnswer =
      Number.isInteger(value.id) &&
      ['string', 'undefined'].includes(typeof value.error) &&
      ['string', 'undefined'].includes(typeof value.path) &&
      !(value.path ?? '').includes('\0');
    return isAnswer ? value : undefined;
  } catch {
    return undefined;
  }
}

function helperError(message: string): SshError {
  return new SshError(message, { code: 'request-refused', stage: 'channel' });
}
