/** sftp: files over ssh, by commands from a person, a pipe or a batch file. */
import { SshError } from '@nacre/ssh/errors';
import { fileType } from '@nacre/ssh/sftp';
import { FatalError, failureStatus } from '../ssh/end.ts';
import { questionOf } from './ahead.ts';
import { firstQuestion } from './command-line.ts';
import { openLines } from './lines.ts';
import { interruptible, runCommands } from './loop.ts';
import { joinNames } from './paths.ts';
import { reachServer } from './server.ts';
import { Session } from './session.ts';
import { readSettings, type Settings } from './settings.ts';
import { mannerOf } from './transfers/manner.ts';
import { changeFolder } from './verbs/cd.ts';
import { fetchMatches } from './verbs/get.ts';
import { standardVoice, type Voice } from './voice.ts';

/** 0 where all went well, 1 for a batch that was ended by a failure, 255 without a connection. */
export async function run(args: readonly string[]): Promise<number> {
  let voice = standardVoice(false);
  try {
    const settings = readSettings(args);
    voice = standardVoice(settings.isMute);
    return await serve(settings, voice);
  } catch (error) {
    if (error instanceof FatalError) {
      if (error.message !== '') voice.complain(error.message);
      return failureStatus;
    }
    if (!(error instanceof SshError) || error.stage === 'usage') throw error;
    tellEnd(error, voice);
    return failureStatus;
  } finally {
    await outputTaken();
  }
}

/** What waits for a slow reader of our output would be lost with the process. */
function outputTaken(): Promise<void> {
  const { stdout } = process;
  // A reader that has gone takes nothing more, and is no failure of ours.
  return stdout.writableLength === 0 ? Promise.resolve() : new Promise((resolve) => stdout.write('', () => resolve()));
}

async function serve(settings: Settings, voice: Voice): Promise<number> {
  // Before anybody is asked for a password: a batch that is not there needs no connection.
  const { firstLine, startLines } = openLines(settings.batchFile);
  const asked = settings.host?.path;
  const question = asked === undefined ? firstQuestion(firstLine) : questionOf('stat', asked);
  const server = await reachServer(settings, question).catch((error: unknown) => {
    if (!(error instanceof FatalError)) throw error;
    voice.complain(error.message);
    return undefined;
  });
  if (server === undefined) {
    voice.complain('Connection closed');
    return failureStatus;
  }
  try {
    if (!settings.isQuiet) {
      const { host, serverText } = settings;
      process.stderr.write(host === undefined ? `Attached to ${serverText}.\n` : `Connected to ${host.host}.\n`);
    }
    const session = new Session(server, settings, voice);
    const done = asked === undefined ? undefined : await goTo(session, asked);
    return done ?? (await runCommands(session, await startLines(session)));
  } finally {
    await server.close();
  }
}

/** The path of the destination: a folder to begin in, or a file to fetch. @returns the exit status where that is all. */
async function goTo(session: Session, asked: string): Promise<number | undefined> {
  const { settings, voice } = session;
  const path = await session.absolute(asked);
  const there = await session.look('stat', path).catch(() => undefined);
  if (there !== undefined && fileType(there) === 'directory' && settings.localName === undefined) {
    if (!settings.isQuiet) voice.say(`Changing to: ${path}`);
    return (await changeFolder(session, path)) ? undefined : 1;
  }
  const pattern = asked.startsWith('/') ? path : joinNames(session.folder, asked);
  const manner = mannerOf(session, new Set(), false);
  return (await interruptible(session, () => fetchMatches(session, pattern, settings.localName, manner))) ? 0 : 1;
}

/** Why there is no session: a stream that ended is told as OpenSSH tells it, anything else with what is wrong. */
function tellEnd(error: SshError, voice: Voice): void {
  if (error.code === 'closed' || error.code === 'connection-lost') voice.complain('Connection closed');
  else {
    voice.complain(error.message);
    if (error.remedy !== undefined) voice.complain(error.remedy);
  }
}
