/** ssh2, the npm package, as a peer: both ends are programs of their own, as OpenSSH's are. */
import { fileURLToPath } from 'node:url';
import { sshCommand, startOpenSshServer } from '../test/harness/openssh.ts';
import { startProgram } from '../test/harness/programs.ts';
import { currentUser, type TestServer } from '../test/harness/servers.ts';
import { plainEnvironment } from './command.ts';
import { type Pair, putFar, type RunningPair, startPair } from './pairs.ts';

/** As startPair, for pairs that have ssh2 at an end as well. */
export async function startAnyPair(pair: Pair, { isLongPath = false } = {}): Promise<RunningPair> {
  if (!isSsh2(pair)) return startPair(pair, { isLongPath });
  const config = ['MaxStartups 500', 'MaxSessions 100'];
  const near =
    pair.server === 'ssh2' ? await startSsh2Process() : await startOpenSshServer({ config, env: plainEnvironment });
  const testServer = isLongPath ? await putFar(near) : near;
  const kex = 'KexAlgorithms=curve25519-sha256';
  const argv: RunningPair['argv'] =
    pair.client === 'ssh2'
      ? (words, flags, options) => ssh2Command(testServer, words, flags, options)
      : (words, flags, options = []) => sshCommand(testServer, words, { flags, options: [...options, kex] });
  return { ...pair, testServer, argv, command: (remote, options) => argv([remote], [], options) };
}

/** Whether ssh2 is at an end of it. */
export function isSsh2({ client, server }: Pair): boolean {
  return client === 'ssh2' || server === 'ssh2';
}

async function startSsh2Process(): Promise<TestServer> {
  const program = startProgram([process.execPath, programFile('server')], { env: plainEnvironment });
  const [line = ''] = await program.waitForLog(/^\{.*\}$/m);
  const told = JSON.parse(line) as Pick<TestServer, 'port' | 'knownHostsFile' | 'identity' | 'hostKeys'>;
  return {
    host: '127.0.0.1',
    ...told,
    user: currentUser(),
    pid: program.pid,
    log: program.log,
    waitForLog: program.waitForLog,
    stop: program.stop,
  };
}

/** The command line of a client that takes ssh's words where they mean something to it: Ciphers, MACs, -L, and -tt. */
function ssh2Command(
  { host, port, user, identity }: TestServer,
  words: readonly string[],
  flags: readonly string[],
  options: readonly string[] = [],
): string[] {
  const settings = new Map(options.map((option) => option.split('=', 2) as [string, string]));
  const list = (name: string) => settings.get(name)?.split(',');
  const algorithms = { kex: ['curve25519-sha256'], cipher: list('Ciphers'), hmac: list('MACs') };
  const forwards = flags.flatMap((flag, at) => {
    const ports = /^(\d+):127\.0\.0\.1:(\d+)$/.exec(flag);
    return ports === null || flags[at - 1] !== '-L' ? [] : [[Number(ports[1]), Number(ports[2])]];
  });
  const job = {
    ...{ host, port, user, identity: identity.file, algorithms, pty: flags.includes('-tt'), forwards },
    ...(words.length > 0 && { command: words.join(' ') }),
  };
  return [process.execPath, programFile('client'), JSON.stringify(job)];
}

function programFile(side: 'client' | 'server'): string {
  return fileURLToPath(new URL(`programs/ssh2-${side}.js`, import.meta.url));
}
