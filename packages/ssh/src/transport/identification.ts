/** The identification exchange (RFC 4253 §4.2): one line each way before the first packet. */
import { disconnectReasons, SshError } from '../errors.ts';
import { maxIdentificationBytes, maxLinesBeforeIdentification, maxPreIdentificationLineBytes } from '../limits.ts';
import { printable } from '../wire/index.ts';
import type { Role } from './phase.ts';

/** Our own line without CR LF. */
export function formatIdentification(version: string, addendum?: string): string {
  const line = `SSH-2.0-nacre_${version}${addendum ? ` ${addendum}` : ''}`;
  if (!/^[\x20-\x7e]*$/.test(line) || line.length > maxIdentificationBytes - 2) {
    throw new SshError(
      `the identification line "${line}" must be printable ASCII of at most ${maxIdentificationBytes - 2} characters`,
      {
        code: 'misuse',
        stage: 'identification',
      },
    );
  }
  return line;
}

/** Collects bytes until the peer's identification line is whole. */
export class IdentificationReader {
  readonly #role: Role;
  readonly #onLine: ((line: string) => void) | undefined;
  #line: number[] = [];
  #lines = 0;

  /** @param onLine - told of each line that a server sends before its identification. */
  constructor(role: Role, onLine?: (line: string) => void) {
    this.#role = role;
    this.#onLine = onLine;
  }

  /**
   * Takes bytes.
   *
   * @returns the identification without line end and how many of these bytes it and the lines before it took; undefined
   *   where more are needed (all bytes were taken then).
   */
  read(bytes: Uint8Array): { identification: string; consumed: number } | undefined {
    for (let at = 0; at < bytes.length; at++) {
      const byte = bytes[at] as number;
      if (byte === 0) throw this.#refuse('a NUL byte in its identification');
      if (byte !== 0x0a) {
        this.#line.push(byte);
        const isOurs = this.#startsWithSsh();
        const limit = isOurs ? maxIdentificationBytes - 1 : maxPreIdentificationLineBytes;
        if (this.#line.length > limit) throw this.#refuse(`an identification line of more than ${limit} bytes`);
        continue;
      }
      const line = this.#takeLine();
      if (line.startsWith('SSH-')) return { identification: this.#require(line), consumed: at + 1 };
      // RFC 4253 §4.2: only a server may send other lines first.
      if (this.#role === 'server') throw this.#refuse(`"${printable(line)}" instead of an identification line`);
      if (++this.#lines > maxLinesBeforeIdentification) {
        throw this.#refuse(`more than ${maxLinesBeforeIdentification} lines before its identification`);
      }
      this.#onLine?.(printable(line));
    }
    return undefined;
  }

  #takeLine(): string {
    // RFC 4253 §4.2 wants CR LF; old peers send LF alone, and are understood.
    if (this.#line.at(-1) === 0x0d) this.#line.pop();
    const line = Buffer.from(this.#line).toString('latin1');
    this.#line = [];
    return line;
  }

  #startsWithSsh(): boolean {
    return this.#line[0] === 0x53 && this.#line[1] === 0x53 && this.#line[2] === 0x48 && this.#line[3] === 0x2d;
  }

  #require(line: string): string {
    // RFC 4253 §5.1: 1.99 is an SSH 2 server that also speaks 1.
    if (!/^SSH-(2\.0|1\.99)-./.test(line)) {
      throw new SshError(`the peer identified itself as "${printable(line)}"; only SSH protocol 2.0 is spoken here`, {
        code: 'protocol-error',
        stage: 'identification',
        side: 'peer',
        remedy: 'Check that the port belongs to an SSH 2 server.',
        disconnect: disconnectReasons.protocolVersionNotSupported,
      });
    }
    return line;
  }

  #refuse(what: string): SshError {
    return new SshError(`the peer sent ${what}`, {
      code: 'protocol-error',
      stage: 'identification',
      side: 'peer',
      remedy: 'Check that the port belongs to an SSH server.',
      disconnect: disconnectReasons.protocolError,
    });
  }
}
