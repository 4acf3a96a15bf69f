/** ProxyCommand: a program whose input and output carry the connection. */
import { type ChildProcess, spawn } from 'node:child_process';
import { Duplex } from 'node:stream';
import { SshError } from '../errors.ts';

export interface ProxyCommandOptions {
  /** Where its messages go; default our own stderr. */
  readonly stderr?: 'inherit' | 'ignore';
  /** Default the person's shell. */
  readonly shell?: string;
}

/**
 * Starts a command by the shell and gives the stream that it carries. Closing the stream ends the program.
 *
 * @param command - a line for the shell: whatever went into it must have been quoted for one.
 * @example
 * const stream = startProxyCommand('nc bastion.example.com 22');
 * const server = await connect('inside.example.com', { hostKeys: knownHosts(), stream });
 */
export function startProxyCommand(command: string, options: ProxyCommandOptions = {}): Duplex {
  const shell = options.shell ?? (process.env.SHELL || '/bin/sh');
  // exec: the shell gives its place to the program, so that a signal reaches it.
  const child = spawn(shell, ['-c', `exec ${command}`], { stdio: ['pipe', 'pipe', options.stderr ?? 'inherit'] });
  return new ProxyStream(child, command);
}

class ProxyStream extends Duplex {
  readonly #child: ChildProcess;

  constructor(child: ChildProcess, command: string) {
    super({ allowHalfOpen: true });
    this.#child = child;
    child.once('error', (cause) => this.destroy(notStarted(command, cause)));
    // A program that has gone does not read: what comes of that is told by its output, which ends.
    child.stdin?.on('error', () => {});
    child.stdout?.on('data', (chunk: Buffer) => {
      if (!this.push(chunk)) child.stdout?.pause();
    });
    child.stdout?.once('end', () => this.push(null));
    child.stdout?.once('error', (error) => this.destroy(error));
  }

  override _read(): void {
    this.#child.stdout?.resume();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    if (this.#child.stdin?.writable !== true) done(this.#gone());
    else this.#child.stdin.write(chunk, (error) => done(error ? this.#gone() : null));
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#child.stdin?.end();
    done();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#child.stdin?.destroy();
    this.#child.stdout?.destroy();
    if (this.#child.exitCode === null) this.#child.kill('SIGHUP');
    done(error);
  }

  #gone(): SshError {
    return new SshError('the proxy command ended', { code: 'connection-lost', stage: 'tcp', side: 'peer' });
  }
}

function notStarted(command: string, cause: Error): SshError {
  return new SshError(`the proxy command could not be started: ${cause.message}`, {
    code: 'connect-failed',
    stage: 'tcp',
    remedy: `Try it by itself: ${command}`,
    cause,
  });
}
