/** One session of a logged-in user: its terminal, its program, and what passes between them and the client. */
import { closeSync, existsSync } from 'node:fs';
import type { PtyRequest, ServerSession, SessionHandler, SessionStart } from '@nacre/ssh/connection';
import { SshError } from '@nacre/ssh/errors';
import type { ServerConnection } from '@nacre/ssh/server';
import {
  type Account,
  openPty,
  type Pty,
  type SessionExit,
  type SessionRequest,
  type StartUpFile,
  startBareSession,
  startSession,
  tryPlatform,
} from '../../os/index.ts';
import { type Candidate, describe, type Say } from './admission.ts';
import { type AuthInfoFile, writeAuthInfo } from './auth-info.ts';
import type { Settings } from './config/config.ts';
import { buildEnvironment, mayClientSet } from './environment.ts';
import { internalSftpEnvironment, internalSftpProgram, readInternalSftp, sftpOnly } from './internal-sftp.ts';
import { markPackets } from './ip-qos.ts';
import { loggedName } from './log.ts';
import { readGreeting } from './motd.ts';
import type { PamLogin } from './pam-logins.ts';
import { passwordChange } from './password-change.ts';
import {
  type Output,
  type OutputPump,
  openInput,
  openOutput,
  pumpDescriptor,
  pumpInput,
  pumpLines,
  pumpStream,
} from './pump.ts';
import { recordSession } from './record-session.ts';
import { recordsOf } from './session-records.ts';
import { tunnelsOf } from './tunnels.ts';
import { chooseStartUpFile, runStartUpFile } from './user-rc.ts';

/**
 * How much a pipe holds once bulk passes through it: fewer switches between the two sides than with the usual 64 KiB. Not from the
 * start, because the system counts the pipes of a user who is not root and cuts short all of them beyond 64 MiB.
 */
const bulkPipeBytes = 1024 * 1024;
const outputBufferBytes = 256 * 1024;
const errorBufferBytes = 16 * 1024;

/** What is run in the end. */
interface Plan {
  /** Undefined for the login shell. */
  readonly command: string | undefined;
  /** Our own sftp-server with these arguments, in place of the command; `refused` where sftp alone is served and it was not asked for. */
  readonly internalSftp?: readonly string[] | 'refused';
  /** A subsystem's errors are no part of what it says to its client. */
  readonly isSubsystem: boolean;
  /** What the client asked for, where a forced command took its place. */
  readonly originalCommand: string | undefined;
  /** For the log: `shell on pts/0`, `command`, `subsystem 'sftp'`. */
  readonly label: string;
}

/** A program that runs: what the handler needs of it. */
interface Running {
  signal(name: string): boolean;
  hangUp(): void;
}

/** Serves sessions of one connection with real programs. */
export function buildSessionHandler(
  connection: ServerConnection,
  { account, settings, isShutIn = false, desk }: Candidate,
  log: Say,
  login?: PamLogin,
): SessionHandler {
  let pty: Pty | undefined;
  let running: Running | undefined;
  let recorded: Awaited<ReturnType<typeof recordSession>>;
  let authInfo: AuthInfoFile | undefined;
  let isClosed = false;
  let recordedTerminal: string | undefined;
  const records = desk?.records ?? recordsOf(account, connection.peer, settings);
  const closeRecord = (): void => {
    if (recordedTerminal !== undefined) void records?.close(recordedTerminal);
    recordedTerminal = undefined;
  };
  const name = `user ${loggedName(account.name)} from ${describe(connection.peer)} id `;

  const start = async (plan: Plan, session: ServerSession, wanted: SessionStart): Promise<boolean> => {
    if (settings.exposeAuthInfo) authInfo ??= writeAuthInfo(account, connection, settings, log);
    const own = buildEnvironment({
      account,
      settings,
      peer: connection.peer,
      permissions: connection.permissions,
      accepted: session.environment,
      terminal: pty && { term: session.pty?.term ?? '', path: pty.path },
      originalCommand: plan.originalCommand,
      tunnels: tunnelsOf(connection.peer),
      authInfo: authInfo?.path,
      pam: login?.environment,
    });
    const environment = { ...own, ...Object.fromEntries(session.serverEnvironment) };
    log(
      'VERBOSE',
      `Starting session: ${plan.label} for ${loggedName(account.name)} from ${describe(connection.peer)} id ${session.channel.id}`,
      { event: 'session-start', session: session.channel.id, command: plan.label },
    );
    const startUpFile = chooseStartUpFile(account, settings, connection, wanted, session);
    // Where a file is run, it reads the cookie and passes it on as it likes.
    if (startUpFile === undefined) await session.display?.announce?.();
    const request = login?.mustChangePassword
      ? passwordChange(account, environment, pty !== undefined)
      : programRequest(account, plan, environment, startUpFile, isShutIn);
    const terminal = pty?.path;
    const lastLogin = terminal === undefined ? '' : await records?.open(terminal);
    if (terminal !== undefined) recordedTerminal = terminal;
    const isShell = plan.command === undefined;
    const greeting = isShell ? readGreeting(account, settings, login?.words ?? '', lastLogin ?? '') : '';
    if (plan.internalSftp !== undefined && startUpFile !== undefined && !login?.mustChangePassword) {
      const said = await runStartUpFile(startUpFile, { account, environment });
      // Once the request is answered, as with all that a program says.
      setImmediate(() => void session.channel.write(said, 'data'));
    }
    await markPackets(connection, pty !== undefined || session.display !== undefined, settings, log);
    if (plan.internalSftp === 'refused' && !login?.mustChangePassword) return refuseAllButSftp(session, pty);
    // Lines that were asked for with -e: OpenSSH's go nowhere, these are of use to whoever asked for them.
    const onErrors = plan.isSubsystem
      ? (line: string) => plan.internalSftp && log('INFO', `internal-sftp: ${line}`)
      : undefined;
    if (plan.internalSftp !== undefined && !login?.mustChangePassword) {
      // A terminal changes bytes.
      pty?.close();
      pty = undefined;
    }
    const what = { ...plan, hasTerminal: pty !== undefined };
    recorded = await recordSession({ account, settings, connection, log, desk }, what, session, () => {
      running?.signal('HUP');
      running?.hangUp();
    });
    const output = recorded?.tap(session.channel) ?? session.channel;
    recorded?.watchInput(session.stream);
    const starting =
      typeof plan.internalSftp === 'object' && isShutIn && !login?.mustChangePassword
        ? runSftpHere(plan.internalSftp, account, connection, session, onErrors)
        : pty === undefined
          ? runWithPipes(request, session, connection, onErrors, output)
          : runInTerminal(request, session, pty, greeting, output);
    starting.catch(() => recorded?.end(undefined));
    const begun = await starting;
    running = begun;
    if (isClosed) begun.hangUp();
    void begun.finished.then(async (exit) => {
      closeRecord();
      await Promise.all([report(exit, session), recorded?.end(exit)]);
      log('VERBOSE', `Close session: ${name}${session.channel.id}`, {
        event: 'session-end',
        session: session.channel.id,
      });
    });
    return true;
  };

  return {
    async onPty(request, session) {
      if (!connection.permissions.allow.pty || !settings.permitTty) return false;
      try {
        pty = openPty({ ...sizeOf(request), modes: request.modes, owner: account });
        await desk?.giveTerminal(pty.path);
        session.terminalName = pty.path;
        return true;
      } catch (error) {
        log('ERROR', `openpty: ${(error as Error).message}`);
        return false;
      }
    },
    onEnvironment: (variable) => mayClientSet(variable, settings),
    onWindowChange(request) {
      pty?.resize(sizeOf(request));
      recorded?.resize(request);
    },
    onSignal: (signal) => running?.signal(signal) ?? false,
    // A pseudo-terminal has no line to hold at zero: the kernel takes the call and does nothing, here as under OpenSSH.
    onBreak: () => pty !== undefined,
    onStart: async (wanted, session) => {
      const plan = choosePlan(wanted, connection, settings, pty);
      if (typeof plan === 'string') {
        log('INFO', plan);
        return false;
      }
      try {
        return await start(plan, session, wanted);
      } catch (error) {
        closeRecord();
        const remedy = error instanceof SshError && error.remedy !== undefined ? ` (${error.remedy})` : '';
        log('ERROR', `session of ${name}${session.channel.id}: ${(error as Error).message}${remedy}`);
        return false;
      }
    },
    onClosed() {
      isClosed = true;
      closeRecord();
      running?.hangUp();
      authInfo?.remove();
      // A terminal that was asked for and never used.
      if (running === undefined) pty?.close();
    },
  };
}

/** The administrator's command before the key's, the key's before the client's. */
function choosePlan(
  start: SessionStart,
  connection: ServerConnection,
  settings: Settings,
  pty: Pty | undefined,
): Plan | string {
  const asked = askedCommand(start, settings);
  if (asked.command === null) {
    const { name } = start as { name: string };
    return `subsystem request for ${loggedName(name)} by user ${loggedName(connection.user)} failed, subsystem not found`;
  }
  const isSubsystem = start.kind === 'subsystem';
  const terminal = pty === undefined ? '' : ` on ${pty.path.replace(/^\/dev\//, '')}`;
  const forced = settings.forceCommand ?? connection.permissions.forceCommand;
  if (forced !== undefined) {
    const by = settings.forceCommand === undefined ? 'key-option' : 'config';
    const label = `forced-command (${by}) '${forced}'${terminal}`;
    const words = readInternalSftp(forced);
    const internalSftp = words && (isSubsystem ? words : 'refused');
    return {
      command: forced,
      originalCommand: asked.command,
      label,
      isSubsystem,
      ...(internalSftp && { internalSftp }),
    };
  }
  const internalSftp = isSubsystem ? readInternalSftp(asked.command ?? '') : undefined;
  const label = `${asked.label}${terminal}`;
  return {
    command: asked.command,
    originalCommand: undefined,
    label,
    isSubsystem,
    ...(internalSftp && { internalSftp }),
  };
}

/** The command a request comes to: undefined for a shell, null for a subsystem that there is not. */
function askedCommand(start: SessionStart, settings: Settings): { command: string | undefined | null; label: string } {
  switch (start.kind) {
    case 'shell':
      return { command: undefined, label: 'shell' };
    case 'exec':
      return { command: start.command, label: 'command' };
    case 'subsystem':
      return { command: settings.subsystems.get(start.name) ?? null, label: `subsystem '${loggedName(start.name)}'` };
  }
}

interface ProgramRequest {
  readonly account: Account;
  readonly command: string | undefined;
  readonly program?: SessionRequest['program'];
  readonly environment: Readonly<Record<string, string>>;
  readonly startUpFile: StartUpFile | undefined;
  readonly workingDirectory?: string;
}

function programRequest(
  account: Account,
  plan: Plan,
  environment: Readonly<Record<string, string>>,
  startUpFile: StartUpFile | undefined,
  isShutIn: boolean,
): ProgramRequest {
  const { command, internalSftp: words } = plan;
  if (words === undefined || words === 'refused' || isShutIn) {
    // Where a home is missing, nobody need be told: the folder is all there is.
    const place = isShutIn && !existsSync(account.home) ? { workingDirectory: '/' } : {};
    return { account, command, environment, startUpFile, ...place };
  }
  const program = internalSftpProgram(account, words);
  // No shell is there that would run one: it has been run before.
  return { account, command, program, environment: internalSftpEnvironment(environment), startUpFile: undefined };
}

function refuseAllButSftp(session: ServerSession, pty: Pty | undefined): true {
  // Once the request is answered: the words are output.
  setImmediate(() => {
    session.channel.write(Buffer.from(pty === undefined ? sftpOnly : sftpOnly.replace('\n', '\r\n')), 'data');
    pty?.close();
    void session.exit(1);
  });
  return true;
}

/** What becomes of a program's errors; undefined sends them to the client. */
type OnErrors = ((line: string) => void) | undefined;

type Begun = Running & { readonly finished: Promise<SessionExit> };

/** Where no program of ours can be started. */
async function runSftpHere(
  words: readonly string[],
  account: Account,
  connection: ServerConnection,
  session: ServerSession,
  onErrors: OnErrors,
): Promise<Begun> {
  const { serveSftpHere } = await import('./sftp-here.ts');
  const said = onErrors ?? (() => {});
  return {
    finished: serveSftpHere(words, account, connection.peer, session, said).then((code) => ({ code })),
    signal: () => false,
    hangUp: () => {},
  };
}

async function runInTerminal(
  request: ProgramRequest,
  session: ServerSession,
  pty: Pty,
  greeting: string,
  output: Output,
): Promise<Begun> {
  let program: Awaited<ReturnType<typeof startSession>>;
  try {
    program = await startSession({ ...request, pty });
  } catch (error) {
    pty.close();
    throw error;
  }
  pumpInput(session.stream, program.stdin, () => {});
  // Once the request is answered: first the message of the day, then what the shell prints.
  const ended = new Promise<void>((resolve) => {
    setImmediate(() => {
      if (greeting !== '') output.write(Buffer.from(greeting.replaceAll('\n', '\r\n')), 'data');
      resolve(pumpStream(program.stdout, output, 'data').ended);
    });
  });
  return {
    finished: Promise.all([program.exit, ended]).then(([exit]) => exit),
    signal: (name) => program.signal(name),
    hangUp: () => program.hangUp(),
  };
}

async function runWithPipes(
  request: ProgramRequest,
  session: ServerSession,
  connection: ServerConnection,
  onErrors: OnErrors,
  output: Output,
): Promise<Begun> {
  const system = tryPlatform();
  const told = () => session.stopReading(connection.peer.identification);
  if (system === undefined) return runWithNodePipes(request, session, told, onErrors, output);
  const pipes = openPipes(() => system.openPipe());
  let program: Awaited<ReturnType<typeof startBareSession>>;
  try {
    program = await startBareSession(request, pipes.theirs);
  } catch (error) {
    for (const fd of pipes.ours) closeSync(fd);
    throw error;
  } finally {
    for (const fd of pipes.theirs) closeSync(fd);
  }
  const [inputFd, outputFd, errorFd] = pipes.ours;
  const grow = (fd: number): void => system.growPipe(fd, bulkPipeBytes);
  const input = openInput(inputFd);
  pumpInput(session.stream, input, told);
  const outputs = [
    pumpDescriptor(outputFd, output, 'data', { bufferBytes: outputBufferBytes, grow }),
    onErrors === undefined
      ? pumpDescriptor(errorFd, output, 'stderr', { bufferBytes: errorBufferBytes, grow })
      : pumpLines(openOutput(errorFd), onErrors),
  ];
  return {
    finished: finish(program.exit, outputs),
    signal: (name) => program.signal(name),
    // As under OpenSSH a command without a terminal is not killed when its client goes: it sees its pipes closed.
    hangUp() {
      input.destroy();
      for (const output of outputs) output.stop();
    },
  };
}

/** Without the native helper: Node's own pipes, which are sockets to the program. */
async function runWithNodePipes(
  request: ProgramRequest,
  session: ServerSession,
  told: () => void,
  onErrors: OnErrors,
  output: Output,
): Promise<Begun> {
  const program = await startSession(request);
  pumpInput(session.stream, program.stdin, told);
  const outputs = [pumpStream(program.stdout, output, 'data')];
  if (program.stderr !== undefined) {
    const { stderr } = program;
    outputs.push(onErrors === undefined ? pumpStream(stderr, output, 'stderr') : pumpLines(stderr, onErrors));
  }
  return {
    finished: finish(program.exit, outputs),
    signal: (name) => program.signal(name),
    hangUp() {
      program.stdin.destroy();
      for (const output of outputs) output.stop();
    },
  };
}

/** The channel closes when the program is gone and whoever inherited its output closed that too. */
async function finish(exit: Promise<SessionExit>, outputs: readonly OutputPump[]): Promise<SessionExit> {
  const [result] = await Promise.all([exit, ...outputs.map((output) => output.ended)]);
  return result;
}

interface Pipes {
  readonly theirs: readonly [stdin: number, stdout: number, stderr: number];
  readonly ours: readonly [stdin: number, stdout: number, stderr: number];
}

function openPipes(open: () => { readFd: number; writeFd: number }): Pipes {
  const made: { readFd: number; writeFd: number }[] = [];
  try {
    const [input, output, errors] = [0, 1, 2].map(() => {
      const pipe = open();
      made.push(pipe);
      return pipe;
    }) as [(typeof made)[0], (typeof made)[0], (typeof made)[0]];
    return {
      theirs: [input.readFd, output.writeFd, errors.writeFd],
      ours: [input.writeFd, output.readFd, errors.readFd],
    };
  } catch (error) {
    for (const { readFd, writeFd } of made) for (const fd of [readFd, writeFd]) closeSync(fd);
    throw error;
  }
}

async function report(exit: SessionExit, session: ServerSession): Promise<void> {
  if ('code' in exit) await session.exit(exit.code);
  else await session.exitSignal(exit.signal, { coreDumped: exit.coreDumped });
}

function sizeOf({ columns, rows, widthPixels, heightPixels }: PtyRequest) {
  return { columns, rows, widthPixels, heightPixels };
}
