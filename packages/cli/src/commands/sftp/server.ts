/** Reaches the sftp server: over ssh, or by the pipes of a program here (-D). */
import { spawn } from 'node:child_process';
import { type SftpClient, type SftpName, SftpOpening, startSftp } from '@nacre/ssh/sftp';
import { childProgram } from '../files/child-stream.ts';
import type { RemoteHost, RemoteProgram } from '../files/host.ts';
import { FatalError } from '../ssh/end.ts';
import { Foreseen, type Question } from './ahead.ts';
import type { Settings } from './settings.ts';
import { localReason } from './words.ts';

export interface Server {
  readonly sftp: SftpClient;
  /** The folder that the server starts in. */
  readonly start: SftpName;
  readonly foreseen: Foreseen;
  close(): Promise<void>;
}

/**
 * @param question - what will be asked first.
 * @returns undefined where nobody let us in: stderr says why.
 * @throws FatalError, SshError
 */
export async function reachServer(settings: Settings, question: Question | undefined): Promise<Server | undefined> {
  const { host, serverCommand, subsystem, sshFlags, program, requestBytes } = settings;
  let remote: RemoteHost | undefined;
  if (host !== undefined) {
    const { reachHost } = await import('../files/remote.ts');
    remote = await reachHost({
      destination: host.host,
      ...(program === undefined ? { sshFlags } : uninterrupted(program, sshFlags)),
    });
    if (remote === undefined) return undefined;
  }
  try {
    // What is needed of the server first is asked for at once: on a long path each answer takes its time.
    const opening = new SftpOpening();
    const start = opening.calls.realpath('.');
    start.catch(() => {});
    const foreseen = new Foreseen(opening.calls, question);
    const firstInput = opening.firstInput();
    const running =
      remote === undefined
        ? await startLocal(serverCommand as readonly [string, ...string[]], firstInput)
        : // A path is a program for the shell there, anything else a subsystem.
          await remote.open(subsystem.includes('/') ? { command: Buffer.from(subsystem) } : { subsystem }, firstInput);
    const sftp = await startSftp(running.stream, {
      opening,
      isEager: true,
      ...(requestBytes !== undefined && { requestBytes }),
    });
    return {
      sftp,
      start: await start,
      foreseen,
      async close() {
        sftp.close();
        if (remote === undefined) await running.exit;
        await remote?.close();
      },
    };
  } catch (error) {
    await remote?.close();
    throw error;
  }
}

/** A program in our process group, which ^C is not to end: it is for the transfer alone. */
function uninterrupted(program: string, sshFlags: readonly string[]) {
  return { program: '/bin/sh', sshFlags: ['-c', 'trap "" INT; exec "$0" "$@"', program, ...sshFlags] };
}

async function startLocal(
  [program, ...args]: readonly [string, ...string[]],
  firstInput: Uint8Array,
): Promise<RemoteProgram> {
  // In a group of its own: ^C is for the transfer, and not for the server.
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'inherit'], detached: true });
  const running = childProgram(child, firstInput);
  await new Promise((resolve, reject) => {
    child.once('spawn', resolve);
    child.once('error', (error) => reject(new FatalError(`exec: ${program}: ${localReason(error)}`)));
  });
  return running;
}
