/** ssh2, the npm package, as a peer: both ends are programs of their own, as OpenSSH's are. */
import { fileURLToPath } from 'node:url';
import { startProgram } from '../test/harness/programs.ts';
import { currentUser, type TestServer } from '../test/harness/servers.ts';
import { plainEnvironment } from './command.ts';

export async function startSsh2Process(): Promise<TestServer> {
  const program = startProgram([process.execPath, programFile('server')], { env: plainEnvironment });
  const [line = ''] = await program.waitForLog(/^\{.*\}$/m);
  const { port, knownHostsFile, identity } = JSON.parse(line) as {
    port: number;
    knownHostsFile: string;
    identity: string;
  };
  return {
    host: '127.0.0.1',
    port,
    user: currentUser(),
    identity: { file: identity } as TestServer['identity'],
    hostKeys: [],
    knownHostsFile,
    pid: program.pid,
    log: program.log,
    waitForLog: program.waitForLog,
    stop: program.stop,
  };
}

/** Command lines of a client that takes ssh's words where they mean something to it: Ciphers, MACs, and one -L. */
export function ssh2Client(server: TestServer): {
  command(remote: string, options?: readonly string[]): string[];
  argv(words: readonly string[], flags: readonly string[], options?: readonly string[]): string[];
} {
  const { host, port, user, identity } = server;
  const argv = (words: readonly string[], flags: readonly string[], options: readonly string[] = []) => {
    const settings = new Map(options.map((option) => option.split('=', 2) as [string, string]));
    const list = (name: string) => settings.get(name)?.split(',');
    const algorithms = { kex: ['curve25519-sha256'], cipher: list('Ciphers'), hmac: list('MACs') };
    const [, here, there] = /^(\d+):127\.0\.0\.1:(\d+)$/.exec(flags[flags.indexOf('-L') + 1] ?? '') ?? [];
    const work = here === undefined ? { command: words.join(' ') } : { forward: [Number(here), Number(there)] };
    const job = { host, port, user, identity: identity.file, algorithms, ...work };
    return [process.execPath, programFile('client'), JSON.stringify(job)];
  };
  return { argv, command: (remote, options) => argv([remote], [], options) };
}

function programFile(side: 'client' | 'server'): string {
  return fileURLToPath(new URL(`programs/ssh2-${side}.js`, import.meta.url));
}
