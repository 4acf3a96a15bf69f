/** bin/sshd under the live fuzzer: started, let in with two keys that can do no harm, and watched. */
import { connect, pinnedHostKeys } from '@nacre/ssh/client';
import { generateKey, type Signer } from '@nacre/ssh/keys';
import { startNacreServer } from '../../test/harness/nacre.ts';
import { processTree, treeMemory } from '../../test/harness/process-tree.ts';
import { currentUser, type TestServer } from '../../test/harness/servers.ts';
import { createSystemUser } from '../../test/harness/system-user.ts';
import type { Target } from './conversation.ts';

export interface LiveServer extends Target {
  /** Processes that were there before anybody came, and those that have gone without having been told to. */
  readonly missing: () => number[];
  /** Lines of the log, since the last call, that tell of a fault of the server's own. */
  readonly complaints: () => string[];
  /** The heaps and buffers of all of its processes, once the sessions have ended. */
  settledBytes(): Promise<number>;
  /** The same after a rest in which V8 tidies up, short enough that no session host is let go. */
  restedBytes(): Promise<number>;
  /** A login by somebody who means well; rejects where it fails. */
  logIn(): Promise<void>;
  stop(): Promise<void>;
}

/** What programs of the fuzzer's sessions are, whatever was asked for: a mutated command must do no harm here. */
const program = 'head -c 100000';

/** Little enough that a leak shows within minutes, and far more than some connections need. */
const heapMib = 64;

export async function startLiveServer(): Promise<LiveServer> {
  const [programKey, sftpKey, goodKey] = await Promise.all([key(), key(), key()]);
  const isRoot = process.getuid?.() === 0;
  const lines = [
    `command="${program}" ${publicLine(programKey)}`,
    // As an account of its own it may write at home; a person's own files are left alone.
    `command="internal-sftp${isRoot ? '' : ' -R'}" ${publicLine(sftpKey)}`,
    publicLine(goodKey),
  ];
  const account = isRoot ? await createSystemUser({ shell: '/bin/sh' }) : undefined;
  await account?.authorize(...lines);
  const user = account?.name ?? currentUser();
  const server = await startNacreServer({
    hostKeyTypes: ['ed25519'],
    user,
    authorizedKeys: account === undefined ? lines : [],
    // A heap that has room grows before it is tidied up, and hides for long what is never given back.
    prefix: ['env', `NODE_OPTIONS=--max-old-space-size=${heapMib} --max-semi-space-size=1`],
    config: [
      ...(account === undefined ? ['AllowStreamLocalForwarding no'] : ['AuthorizedKeysFile .ssh/authorized_keys']),
      'PermitRootLogin no',
      // An address that was mutated leads nowhere else.
      ...['PermitOpen 127.0.0.1:*', 'PermitListen 127.0.0.1:* localhost:*'],
      ...['PasswordAuthentication yes', 'KbdInteractiveAuthentication yes', 'AcceptEnv LANG LC_*'],
      ...['MaxStartups 1000', 'LoginGraceTime 20', 'LogLevel INFO', 'PrintMotd no', 'PrintLastLog no'],
      'Subsystem sftp internal-sftp',
    ],
  });
  const pid = server.pid as number;
  const known = pinnedHostKeys(...server.hostKeys.map(({ fingerprint }) => fingerprint));
  const atStart = processTree(pid);
  const logIn = async () => {
    const options = { hostKeys: known, identities: [goodKey], agent: false, timeoutMs: 30_000 } as const;
    await using connection = await connect({ host: server.host, port: server.port, user }, options);
    const { stdout } = await connection.exec('echo in');
    if (stdout !== 'in\n') throw new Error(`the good login heard ${JSON.stringify(stdout)}`);
  };
  await logIn();
  return {
    ...{ port: server.port, user, programKey, sftpKey, password: account?.password, logIn },
    missing: () => {
      const now = new Set(processTree(pid));
      return atStart.filter((member) => !now.has(member));
    },
    complaints: complaintsOf(server),
    settledBytes: () => settledBytes(pid),
    async restedBytes() {
      await new Promise((resolve) => setTimeout(resolve, restMs));
      return settledBytes(pid);
    },
    async stop() {
      await server.stop();
      await account?.remove();
    },
  };
}

function key(): Promise<Signer> {
  return generateKey('ssh-ed25519');
}

function publicLine({ publicKey }: Signer): string {
  return `${publicKey.type} ${publicKey.blob.toString('base64')}`;
}

/** V8 looks for garbage some seconds after the last work; session hosts stay for 30 seconds. */
const restMs = 20_000;

/** What a server writes about itself, and never about a client. */
const complaint =
  /internal error|(?:Type|Range|Reference|Syntax|Assertion)Error|heap out of memory|uncaught|unhandled|\bcrash|died|ended with (?:signal|status)|killed by signal|core dumped/i;

function complaintsOf(server: TestServer): () => string[] {
  let seen = 0;
  return () => {
    const text = server.log();
    const lines = text.slice(seen).split('\n');
    seen = text.length;
    return lines.filter((line) => complaint.test(line));
  };
}

/** The least of a few looks: memory that is free, but not given back yet, goes in between. */
async function settledBytes(pid: number): Promise<number> {
  let least = Number.POSITIVE_INFINITY;
  for (let look = 0; look < 5; look++) {
    least = Math.min(least, treeMemory(pid).anonymousBytes);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return least;
}
