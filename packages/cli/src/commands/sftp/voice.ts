/** What sftp says: its results on stdout, what went wrong on stderr, names made safe to print in both. */
import { sanitize } from '../../terminal/sanitize.ts';
import { writeStderr } from '../ssh/log.ts';

export interface Voice {
  /** A line of what was asked for. */
  say(line: string): void;
  /** Many lines of it, in few writes. */
  sayAll(lines: readonly string[]): void;
  /** A line of what went wrong. */
  complain(line: string): void;
  /** A line that is good to know, and no failure. */
  inform(line: string): void;
}

/** @param isMute - says nothing that is merely good to know. */
export function standardVoice(isMute: boolean): Voice {
  const complain = (line: string) => writeStderr(`${printableName(line.replaceAll('\\', '\\\\'))}\r\n`);
  return {
    say: (line) => void process.stdout.write(`${printableName(line)}\n`),
    sayAll: (lines) => void process.stdout.write(lines.map((line) => `${printableName(line)}\n`).join('')),
    complain,
    inform: (line) => {
      if (!isMute) complain(line);
    },
  };
}

/** Keeps its lines until they are let out: several things go on at once, and are told one after the other. */
export class HeldVoice implements Voice {
  readonly #lines: ((voice: Voice) => void)[] = [];

  say(line: string): void {
    this.#lines.push((voice) => voice.say(line));
  }

  sayAll(lines: readonly string[]): void {
    this.#lines.push((voice) => voice.sayAll(lines));
  }

  complain(line: string): void {
    this.#lines.push((voice) => voice.complain(line));
  }

  inform(line: string): void {
    this.#lines.push((voice) => voice.inform(line));
  }

  release(voice: Voice): void {
    for (const line of this.#lines.splice(0)) line(voice);
  }
}

/** Text with names in it: control characters, and the bytes that are no UTF-8, as `\ooo`. */
export function printableName(text: string): string {
  // What nearly every name is: a listing asks for thousands.
  if (plain.test(text)) return text;
  return text
    .split(/([\udc80-\udcff])/u)
    .map((part, index) => (index % 2 === 1 ? octal(part) : sanitize(part)))
    .join('');
}

const plain = /^[ -~]*$/;

function octal(lone: string): string {
  return `\\${(lone.charCodeAt(0) - 0xdc00).toString(8)}`;
}
