/** The session that a transfer uses, and the one that takes its place when it is lost. */
import { SshError } from '../../errors.ts';
import type { SftpClient } from '../../sftp/index.ts';
import type { ReconnectOptions } from './types.ts';

/** Sessions in a row that brought nothing: then the server is left alone. */
const mostAttempts = 10;

export class Session {
  client: SftpClient;
  readonly #reconnect: ReconnectOptions['reconnect'];
  #attempt = 0;
  #renewing: Promise<void> | undefined;

  constructor(client: SftpClient, reconnect?: ReconnectOptions['reconnect']) {
    this.client = client;
    this.#reconnect = reconnect;
  }

  /** Bytes moved: the session works. */
  noteProgress(): void {
    this.#attempt = 0;
  }

  /**
   * Looks after a failure, and puts another session in place of one that is lost.
   *
   * @param used - the session in which it failed.
   * @returns whether the work may be tried again.
   */
  async recover(error: unknown, used: SftpClient): Promise<boolean> {
    if (this.#reconnect === undefined || !(error instanceof SshError) || error.code === 'aborted') return false;
    if (used !== this.client) return true;
    if (!used.isEnded) return false;
    this.#renewing ??= this.#renew(error).finally(() => {
      this.#renewing = undefined;
    });
    await this.#renewing;
    return true;
  }

  async #renew(error: SshError): Promise<void> {
    this.#attempt++;
    if (this.#attempt > mostAttempts || this.#reconnect === undefined) throw error;
    this.client = await this.#reconnect(error, this.#attempt);
  }
}
