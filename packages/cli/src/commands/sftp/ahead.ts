/** What the first command will want to know of the server: asked with the greeting, since on a long path each answer takes its time. */
import type { FileAttributes, SftpCalls } from '@nacre/ssh/sftp';
import { hasGlob } from '@nacre/ssh/sftp';

/** A look at a file of the server's, which changes nothing there. */
export interface Question {
  readonly kind: 'stat' | 'lstat';
  readonly path: string;
}

/** Of a path that means itself wherever the session begins. */
export function questionOf(kind: Question['kind'], path: string | undefined): Question | undefined {
  return path?.startsWith('/') && !hasGlob(path) ? { kind, path } : undefined;
}

/** One answer that is on its way before anybody has asked. */
export class Foreseen {
  #question: Question | undefined;
  readonly #answer: Promise<FileAttributes> | undefined;

  constructor(calls: SftpCalls, question: Question | undefined) {
    this.#question = question;
    this.#answer = question && calls[question.kind](question.path);
    // Told to whoever asks, or to nobody.
    this.#answer?.catch(() => {});
  }

  /** The answer, if it is to this question; once, and not after `forget`: what it says may have changed. */
  take(kind: Question['kind'], path: string): Promise<FileAttributes> | undefined {
    if (this.#question?.kind !== kind || this.#question.path !== path) return undefined;
    this.forget();
    return this.#answer;
  }

  forget(): void {
    this.#question = undefined;
  }
}
