/** Commands from a person at a terminal. */
import { LineEditor } from '../../terminal/line-editor.ts';
import { Terminal } from '../../terminal/raw-mode.ts';
import { FatalError } from '../ssh/end.ts';
import { Completer } from './complete.ts';
import type { Lines } from './line-source.ts';
import type { Session } from './session.ts';

/** As many as OpenSSH keeps. */
const historySize = 100;

export function promptLines(session: Session): Lines {
  const terminal = Terminal.open(0);
  if (terminal === undefined) throw new FatalError('standard input is no terminal any more');
  const completer = new Completer(session);
  const editor = new LineEditor({
    input: process.stdin,
    output: process.stdout,
    terminal,
    complete: (line, cursor, signal) => completer.complete(line, cursor, signal),
    historySize,
  });
  let isClosed = false;
  const close = () => {
    if (!isClosed) editor.close();
    isClosed = true;
  };
  // Nothing that is typed could be done any more.
  void session.sftp.closed.then(() => {
    if (!isClosed) process.stdout.write('\r\n');
    close();
  });
  return {
    areRepeated: false,
    async next() {
      for (;;) {
        completer.forget();
        const answer = await editor.readLine('sftp> ');
        if (answer.kind === 'line') return answer.text;
        if (answer.kind === 'end') return undefined;
      }
    },
    close,
  };
}
