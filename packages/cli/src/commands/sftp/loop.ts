/** The commands of a session, one after the other, and what ^C does meanwhile. */
import { setMaxListeners } from 'node:events';
import { SshError } from '@nacre/ssh/errors';
import { failureStatus } from '../ssh/end.ts';
import { writeStderr } from '../ssh/log.ts';
import { type CommandLine, parseCommandLine } from './command-line.ts';
import type { Lines } from './line-source.ts';
import type { Session } from './session.ts';

/** @returns the exit status. */
export async function runCommands(session: Session, lines: Lines): Promise<number> {
  const { sftp, settings, voice } = session;
  const isBatch = settings.batchFile !== undefined;
  try {
    for (let line = await lines.next(); line !== undefined; line = await lines.next()) {
      const parsed = parseCommandLine(line);
      const { command } = parsed;
      if (command !== undefined && 'mistake' in command) voice.complain(command.mistake);
      if (lines.areRepeated && !parsed.isSilent) voice.say(`sftp> ${line}`);
      session.stopsAtFailure = isBatch && !parsed.ignoresFailure;
      const result = await runCommand(session, parsed);
      if (parsed.command !== undefined) session.forgetForeseen();
      if (result === 'end') return 0;
      if (sftp.isEnded) break;
      if (!result && session.stopsAtFailure) return 1;
    }
    if (!sftp.isEnded) return 0;
    voice.complain('Connection closed');
    return failureStatus;
  } finally {
    lines.close();
  }
}

async function runCommand(session: Session, { command }: CommandLine): Promise<boolean | 'end'> {
  if (command === undefined) return true;
  if ('mistake' in command) return false;
  const { verb, call } = command;
  return interruptible(session, async () => verb.run(session, call));
}

/** Does something that ^C ends; what is under way then is given up in good order. */
export async function interruptible<T>(session: Session, work: () => Promise<T>): Promise<T | false> {
  const controller = new AbortController();
  // Many files may be under way, and each listens.
  setMaxListeners(0, controller.signal);
  session.signal = controller.signal;
  const onInterrupt = () => {
    writeStderr('\rInterrupt  \n');
    controller.abort();
  };
  process.on('SIGINT', onInterrupt);
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof SshError) && !isAbort(error)) throw error;
    if (!controller.signal.aborted && error instanceof SshError && !session.sftp.isEnded) {
      session.voice.complain(error.message);
    }
    return false;
  } finally {
    process.off('SIGINT', onInterrupt);
  }
}

function isAbort(error: unknown): boolean {
  return error instanceof Error && error.name === 'AbortError';
}
