/** Questions on the controlling terminal, /dev/tty: answers come from a person even when stdin is a pipe. */
import { closeSync, constants, openSync, writeSync } from 'node:fs';
import { ReadStream } from 'node:tty';
import { TerminalGuard } from './guard.ts';
import { LineInput, type LineVerdict } from './line-input.ts';
import { sanitize } from './sanitize.ts';

/** The controlling terminal; undefined for a program that has none. */
export function openControllingTerminal(): number | undefined {
  try {
    return openSync('/dev/tty', constants.O_RDWR | constants.O_NOCTTY);
  } catch {
    return undefined;
  }
}

/** Keys typed ahead of the next question: raw mode hands out more than one line at a time. */
let typedAhead: Buffer = Buffer.alloc(0);

/**
 * Asks on the terminal `fd`, closes it, and gives the answer without its newline; undefined for Ctrl-D.
 *
 * @param echo - false hides what is typed.
 */
export async function askOnTerminal(fd: number, prompt: string, echo: boolean): Promise<string | undefined> {
  const input = new ReadStream(fd);
  const text = `\r${sanitize(prompt, '\n\t')}`;
  const setRaw = (raw: boolean): void => {
    if (!echo) input.setRawMode(raw);
  };
  const guard = new TerminalGuard({
    restore: () => setRaw(false),
    retake: () => {
      setRaw(false); // libuv would skip a second call
      setRaw(true);
      write(fd, text);
    },
  });
  try {
    setRaw(true);
    write(fd, text);
    return await readAnswer(input, guard, echo);
  } finally {
    setRaw(false);
    guard.release();
    if (!echo) write(fd, '\n');
    // libuv may have opened the terminal a second time for itself; ours is then still ours to close.
    const ownFd = (input as { fd?: number }).fd;
    input.destroy();
    if (ownFd !== undefined && ownFd !== fd) closeSync(fd);
  }
}

/** In cooked mode the kernel edits the line, and only Enter and Ctrl-D reach us. */
function readAnswer(input: ReadStream, guard: TerminalGuard, echo: boolean): Promise<string | undefined> {
  const line = new LineInput();
  return new Promise((resolve) => {
    const finish = (answer: string | undefined): void => {
      input.pause();
      input.off('data', onData);
      resolve(answer);
    };
    const onData = (keys: Buffer): void => {
      let verdict: LineVerdict = line.feed(keys);
      while (verdict.kind === 'signal') {
        sendSignal(verdict.signal, guard);
        verdict = line.feed(verdict.rest);
      }
      if (verdict.kind === 'more') return;
      const answer = line.take();
      typedAhead = Buffer.from(verdict.rest);
      finish(verdict.kind === 'line' ? answer : undefined);
    };
    input.on('data', onData);
    // A terminal that hung up answers nothing.
    input.once('error', () => finish(undefined));
    input.once('end', () => finish(line.take() || undefined));
    if (!echo && typedAhead.length > 0) {
      const keys = typedAhead;
      typedAhead = Buffer.alloc(0);
      onData(keys);
    }
  });
}

function sendSignal(signal: 'SIGINT' | 'SIGQUIT' | 'SIGTSTP', guard: TerminalGuard): void {
  if (signal === 'SIGTSTP') void guard.suspend();
  else process.kill(process.pid, signal);
}

function write(fd: number, text: string): void {
  try {
    writeSync(fd, text);
  } catch {
    // A terminal that takes no output may still give an answer.
  }
}
