/** An sftp server that is started on this machine (-D): nothing is logged in to. */
import { spawn } from 'node:child_process';
import { childProgram } from './child-stream.ts';
import { systemWords } from './failure-parts.ts';
import type { RemoteHost } from './host.ts';

/** Whatever is asked for, the server is what runs. @param path - the server's program. */
export function hostByServer(path: string, host: string): RemoteHost {
  const ends: (() => void)[] = [];
  return {
    async open(_wish, firstInput) {
      // The operands mean nothing to it; OpenSSH gives them.
      const child = spawn(path, ['--', host, 'sftp'], { stdio: ['pipe', 'pipe', 'inherit'] });
      ends.push(() => child.stdin.end());
      child.once('error', (error: NodeJS.ErrnoException) => {
        process.stderr.write(`${path}: ${systemWords(error.code ?? '', error.message)}\n`);
      });
      return childProgram(child, firstInput);
    },
    async close() {
      for (const end of ends) end();
    },
  };
}
