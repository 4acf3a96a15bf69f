/** What scp says: OpenSSH's lines on stderr, and room for them beside the progress. */
import { sanitize } from '../../terminal/sanitize.ts';
import { writeStderr } from '../ssh/log.ts';

/** Ends the program with a status when all has been said. */
export class ScpEnd extends Error {
  readonly status: number;

  constructor(status: number) {
    super(`scp ends with status ${status}`);
    this.name = 'ScpEnd';
    this.status = status;
  }
}

/** Lines, and whether anything failed. */
export class Words {
  /** A file, or a source, did not arrive: the exit status is 1. */
  hasFailed = false;
  /** Called before each line. */
  makeRoom: () => void = () => {};

  /** A failure that has been told, or that another program told. */
  fail(): void {
    this.hasFailed = true;
  }

  /** A failure, in lines that begin with the program's name. They end with CR LF as OpenSSH's do: the terminal may be raw. */
  error(...lines: readonly string[]): void {
    this.fail();
    for (const line of lines) this.info(line);
  }

  /** A line that is no failure. */
  info(line: string): void {
    this.plain(`scp: ${line}`, '\r\n');
  }

  /** A line without the program's name. */
  plain(line: string, end = '\n'): void {
    this.makeRoom();
    // A line feed at the end is OpenSSH's own.
    const [, text = '', feed = ''] = /^([\s\S]*?)(\n?)$/.exec(line) ?? [];
    writeStderr(`${sanitize(text, '\t')}${feed}${end}`);
  }
}

/** A path as it is shown; the line that holds it is made safe as a whole. */
export function shown(path: Uint8Array): string {
  return sanitize(path);
}
