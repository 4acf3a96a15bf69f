/** KnownHostsCommand: a program that prints lines of known_hosts for one host. */
import { spawn } from 'node:child_process';
import { isAbsolute } from 'node:path';
import { splitWords } from '../config/line.ts';
import { expandTokens, expandVariables, type TokenValues } from '../config/tokens.ts';
import { SshError } from '../errors.ts';
import { type FingerprintHash, fingerprint } from '../keys/index.ts';
import type { PublicKey } from '../keys/types.ts';
import { maxHostCommandBytes } from '../limits.ts';

/** What a command is asked. */
export interface KnownHostsQuestion {
  /** `ORDER` before the connection: which keys may come; `HOSTNAME` and `ADDRESS` once the server has shown its key. */
  readonly invocation: 'ORDER' | 'HOSTNAME' | 'ADDRESS';
  /** The name or address as it stands in known_hosts. */
  readonly name: string;
  /** What the server has shown. */
  readonly key: PublicKey | undefined;
}

/** Gives lines of known_hosts; whatever it throws refuses the host. */
export type KnownHostsCommand = (question: KnownHostsQuestion) => Promise<string>;

export interface KnownHostsCommandOptions {
  /** The tokens beside %H, %I, %t, %K and %f, which come with the question: `clientTokens()` of @nacre/ssh/config. */
  readonly tokens?: TokenValues;
  /** For `${NAME}`, and for the program. Default that of this process. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
  readonly fingerprintHash?: FingerprintHash;
  /** A program that takes longer is ended, and the host refused. Default a minute. */
  readonly timeoutMs?: number;
  /** Where its messages go; default our own stderr. */
  readonly stderr?: 'inherit' | 'ignore';
}

const keyword = 'KnownHostsCommand';
const defaultTimeoutMs = 60_000;

/**
 * A source of known_hosts lines for `knownHosts({ command })`. The program is started without a shell: names from a link or a
 * file cannot become commands.
 *
 * Whatever goes wrong refuses the host, also where OpenSSH goes on with the files alone (a program that cannot be started): the
 * program may have had a revocation to tell.
 *
 * @param line - the program's absolute path and its arguments, with quotes, tokens and `${VARIABLE}`.
 * @throws SshError `bad-file` for a line that is no command.
 * @example
 * const hostKeys = knownHosts({ command: knownHostsCommand('/usr/local/bin/host-keys %H') });
 */
export function knownHostsCommand(line: string, options: KnownHostsCommandOptions = {}): KnownHostsCommand {
  const [program, ...words] = splitCommand(line);
  if (program === undefined) throw failure(`${keyword} "${line}" yielded no arguments`);
  if (!isAbsolute(program)) throw failure(`${keyword} path is not absolute: ${program}`);
  const environment = options.environment ?? process.env;
  return async (question) => {
    const values = { ...options.tokens, ...ownTokens(question, options) };
    const args = words.map((word) => expand(word, values, environment));
    return run(program, args, environment, options);
  };
}

function splitCommand(line: string): string[] {
  try {
    return splitWords(line);
  } catch {
    throw failure(`${keyword} "${line}" contains invalid quotes`);
  }
}

function ownTokens({ invocation, name, key }: KnownHostsQuestion, options: KnownHostsCommandOptions): TokenValues {
  return {
    H: () => name,
    I: () => invocation,
    t: () => key?.type ?? 'NONE',
    K: () => key?.blob.toString('base64') ?? 'NONE',
    f: () => (key === undefined ? 'NONE' : fingerprint(key, options.fingerprintHash)),
  };
}

/** Both in one pass: what a variable holds is not searched for tokens, nor the other way round. */
function expand(word: string, values: TokenValues, environment: NonNullable<KnownHostsCommandOptions['environment']>) {
  return word.replace(/%.?|\$\{[^}]*\}?/gsu, (part) =>
    part.startsWith('%') ? expandTokens(part, values, keyword) : expandVariables(part, environment, keyword),
  );
}

function run(
  program: string,
  args: readonly string[],
  environment: NonNullable<KnownHostsCommandOptions['environment']>,
  options: KnownHostsCommandOptions,
): Promise<string> {
  return new Promise((resolve, reject) => {
    const { timeoutMs = defaultTimeoutMs, stderr = 'inherit' } = options;
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', stderr], env: environment as NodeJS.ProcessEnv });
    const chunks: Buffer[] = [];
    let byteCount = 0;
    const end = (reason: string, cause?: unknown) => {
      clearTimeout(timer);
      child.kill('SIGKILL');
      // A grandchild may hold the pipe open.
      child.stdout?.destroy();
      reject(failure(`${keyword} failed: ${program} ${reason}`, cause));
    };
    const timer = setTimeout(() => end(`gave no answer within ${timeoutMs} ms`), timeoutMs);
    child.once('error', (cause) => end(`could not be started: ${cause.message}`, cause));
    child.stdout?.on('data', (chunk: Buffer) => {
      chunks.push(chunk);
      byteCount += chunk.length;
      if (byteCount > maxHostCommandBytes) end(`printed more than ${maxHostCommandBytes} bytes`);
    });
    child.once('close', (status, signal) => {
      if (status !== 0) end(signal === null ? `ended with status ${status}` : `was ended by ${signal}`);
      clearTimeout(timer);
      resolve(Buffer.concat(chunks).toString('utf8'));
    });
  });
}

function failure(message: string, cause?: unknown): SshError {
  return new SshError(message, {
    code: 'host-key-refused',
    stage: 'host-key',
    remedy: `Run the command of ${keyword} by itself, or leave ${keyword} out.`,
    cause,
  });
}
