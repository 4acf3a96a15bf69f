/** A host reached by a program that is called as ssh is (-S): a process for each program there. */
import { type ChildProcess, spawn } from 'node:child_process';
import { FatalError } from '../ssh/end.ts';
import { childProgram } from './child-stream.ts';
import { systemWords } from './failure-parts.ts';
import type { HostWish, ProgramWish, RemoteHost } from './host.ts';

/** Nothing is connected before a program is asked for: that is when the process starts. */
export function hostByProgram(wish: HostWish & { readonly program: string }): RemoteHost {
  const children = new Set<ChildProcess>();
  return {
    open: async (what, firstInput) => {
      const child = await launch(wish, what);
      children.add(child);
      child.once('exit', () => children.delete(child));
      return childProgram(child, firstInput);
    },
    async close() {
      await Promise.all([...children].map(end));
    },
  };
}

async function launch({ destination, sshFlags, program }: HostWish & { program: string }, what: ProgramWish) {
  const last =
    'subsystem' in what
      ? ['-s', '--', destination, what.subsystem]
      : ['--', destination, what.command.toString('utf8')];
  const child = spawn(program, [...sshFlags, ...last], { stdio: ['pipe', 'pipe', 'inherit'] });
  await new Promise((resolve, reject) => {
    child.once('spawn', resolve);
    child.once('error', ({ code = '', message }: NodeJS.ErrnoException) => {
      reject(new FatalError(`${program}: ${systemWords(code, message)}`));
    });
  });
  return child;
}

/** As OpenSSH: the end of its input ends it; a signal does where it takes its time. */
async function end(child: ChildProcess): Promise<void> {
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.stdin?.end();
  const timer = setTimeout(() => child.kill(), 1000);
  await ended;
  clearTimeout(timer);
}
