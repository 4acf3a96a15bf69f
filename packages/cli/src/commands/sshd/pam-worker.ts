/** One process that asks PAM, as the server sees it: orders go in, replies come out, one transaction at a time. */
import type { ChildProcess } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import { SshError } from '@nacre/ssh/errors';
import type { PamAnswer, PamOrder, PamReply, PamText } from './pam-words.ts';

/** Who answers what modules ask; undefined fails the conversation. Nothing is awaited from mere words. */
export type PamAsk = (message: PamText) => Promise<string | undefined>;

/** How a transaction ended. */
export interface PamResult {
  readonly isGood: boolean;
  /** PAM's words for it. */
  readonly text: string;
  readonly account: 'good' | 'change' | 'denied' | 'unknown';
  /** What the modules said of the account, a line each. */
  readonly accountWords: string;
  readonly environment: Readonly<Record<string, string>>;
}

export interface Ended {
  readonly result: PamResult;
  /** How long the modules would have whoever failed wait. */
  readonly delayMs: number;
}

/** A process is replaced after this many transactions: what modules lose of memory stays lost. */
const maxUses = 200;
/** A module that says or asks more in one transaction is ended with its process. */
const maxReplies = 2000;
const maxLineBytes = 32 * 1024 * 1024;

export class PamWorker {
  /** Settles when the process is gone. */
  readonly ended: Promise<void>;
  readonly #child: ChildProcess;
  readonly #stdin: Writable;
  #rest = '';
  #uses = 0;
  #isGone = false;
  #isReady = false;
  #onReply: ((reply: PamReply | SshError) => void) | undefined;

  constructor(child: ChildProcess) {
    this.#child = child;
    this.#stdin = child.stdin as Writable;
    this.#stdin.on('error', () => {});
    const replies = child.stdio[3] as Readable;
    replies.setEncoding('utf8');
    replies.on('error', () => this.end());
    replies.on('data', (text: string) => this.#take(text));
    this.ended = new Promise((resolve) => {
      const finish = () => {
        this.#isGone = true;
        const why = this.#isReady ? 'the process that asks PAM has ended' : 'the process that asks PAM did not start';
        this.#onReply?.(pamError(why));
        resolve();
      };
      child.on('error', finish);
      child.on('exit', finish);
    });
  }

  /** False for one that was ended, or has served long enough. */
  get isUsable(): boolean {
    return !this.#isGone && this.#onReply === undefined && this.#uses < maxUses;
  }

  /**
   * Carries out one order. Where nobody is there any more to answer, the process is ended: PAM waits in the middle of a question.
   *
   * @throws SshError `operation-failed`, what `ask` rejects with, or the signal's reason.
   */
  async run(order: PamOrder, ask: PamAsk, signal?: AbortSignal): Promise<Ended> {
    this.#uses++;
    const stop = () => this.#fail(signal?.reason as Error);
    signal?.addEventListener('abort', stop, { once: true });
    try {
      return await new Promise<Ended>((resolve, reject) => {
        if (this.#isGone) throw pamError('the process that asks PAM has ended');
        signal?.throwIfAborted();
        this.#reject = reject;
        this.#onReply = this.#listen(order.kind, ask, resolve, reject);
        this.#send(order);
      });
    } catch (error) {
      this.end();
      throw error;
    } finally {
      signal?.removeEventListener('abort', stop);
      this.#onReply = undefined;
      this.#reject = undefined;
    }
  }

  end(): void {
    this.#isGone = true;
    this.#stdin.destroy();
    this.#child.kill('SIGKILL');
  }

  #reject: ((error: Error) => void) | undefined;

  #fail(error: Error): void {
    this.#reject?.(error);
  }

  #listen(kind: PamOrder['kind'], ask: PamAsk, resolve: (ended: Ended) => void, reject: (error: unknown) => void) {
    let phase: 'login' | 'account' | 'token' = kind === 'login' ? 'login' : 'account';
    let accountWords = '';
    let count = 0;
    return (reply: PamReply | SshError): void => {
      if (reply instanceof SshError) reject(reply);
      else if (++count > maxReplies) reject(pamError('the modules go on asking without end'));
      else if (reply.kind === 'phase') phase = reply.phase;
      else if (reply.kind === 'failed') reject(pamError(reply.reason, reply.isAbsent));
      else if (reply.kind === 'done') {
        const { code, text, account, environment, delayMs } = reply;
        resolve({ result: { isGood: code === 0, text, account, accountWords, environment }, delayMs });
      } else if (reply.kind === 'message') {
        if (phase === 'account') accountWords += `${reply.text}\n`;
        else this.#passOn(reply, ask, reject);
      }
    };
  }

  #passOn({ style, text }: PamText, ask: PamAsk, reject: (error: unknown) => void): void {
    const answered = ask({ style, text });
    const isAsked = style === 'secret' || style === 'question';
    if (isAsked) answered.then((answer) => this.#send({ answer: answer ?? null }), reject);
    else answered.catch(reject);
  }

  #send(line: PamOrder | PamAnswer): void {
    const bytes = Buffer.from(`${JSON.stringify(line)}\n`, 'utf8');
    this.#stdin.write(bytes, () => bytes.fill(0));
  }

  #take(text: string): void {
    const lines = (this.#rest + text).split('\n');
    this.#rest = lines.pop() ?? '';
    if (this.#rest.length > maxLineBytes) {
      this.#fail(pamError('the modules say too much'));
      return;
    }
    for (const line of lines) {
      const reply = parseReply(line);
      if (reply?.kind === 'ready') this.#isReady = true;
      this.#onReply?.(reply ?? pamError('the process that asks PAM says what it should not'));
    }
  }
}

function parseReply(line: string): PamReply | undefined {
  try {
    const reply = JSON.parse(line) as PamReply | null;
    return typeof reply?.kind === 'string' ? reply : undefined;
  } catch {
    return undefined;
  }
}

function pamError(reason: string, isAbsent = false): SshError {
  return new SshError(`PAM: ${reason}`, {
    code: isAbsent ? 'unsupported' : 'operation-failed',
    stage: 'auth',
    remedy: 'look at /etc/pam.d and at the system log',
  });
}
