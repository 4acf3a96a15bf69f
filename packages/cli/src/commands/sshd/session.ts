/** One session of a logged-in user: its terminal, its program, and what passes between them and the client. */
import type { PtyRequest, ServerSession, SessionHandler, SessionStart } from '@nacre/ssh/connection';
import { SshError } from '@nacre/ssh/errors';
import type { ServerConnection } from '@nacre/ssh/server';
import { openPty, type Pty, type SessionExit } from '../../os/index.ts';
import { type Candidate, describe, type Say } from './admission.ts';
import { type AuthInfoFile, writeAuthInfo } from './auth-info.ts';
import { buildEnvironment, mayClientSet } from './environment.ts';
import { sftpOnly } from './internal-sftp.ts';
import { markPackets } from './ip-qos.ts';
import { loggedName } from './log.ts';
import { readGreeting } from './motd.ts';
import type { PamLogin } from './pam-logins.ts';
import { passwordChange } from './password-change.ts';
import { recordSession } from './record-session.ts';
import { choosePlan, type Plan, programRequest } from './session-plan.ts';
import { type Running, runInTerminal, runSftpHere, runWithPipes } from './session-programs.ts';
import { recordsOf } from './session-records.ts';
import { canServeInHost } from './sftp-place.ts';
import { tunnelsOf } from './tunnels.ts';
import { chooseStartUpFile, runStartUpFile } from './user-rc.ts';

/** Serves sessions of one connection with real programs. */
export function buildSessionHandler(
  connection: ServerConnection,
  candidate: Candidate,
  log: Say,
  login?: PamLogin,
): SessionHandler {
  const { account, settings, isShutIn = false, desk } = candidate;
  let pty: Pty | undefined;
  let running: Running | undefined;
  let recorded: Awaited<ReturnType<typeof recordSession>>;
  let authInfo: AuthInfoFile | undefined;
  let isClosed = false;
  let isStarting = false;
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
    const isServedHere =
      typeof plan.internalSftp === 'object' &&
      !login?.mustChangePassword &&
      // What is recorded goes through what listens in on programs.
      (isShutIn || (desk !== undefined && recorded === undefined && canServeInHost(plan.internalSftp, account)));
    const starting =
      isServedHere && typeof plan.internalSftp === 'object'
        ? runSftpHere(plan.internalSftp, candidate, connection, session, onErrors)
        : pty === undefined
          ? runWithPipes(request, session, connection, onErrors, output)
          : runInTerminal(request, session, pty, greeting, output);
    starting.catch(() => recorded?.end(undefined));
    const begun = await starting;
    running = begun;
    if (isClosed) begun.hangUp();
    const reported = begun.finished.then(async (exit) => {
      closeRecord();
      await Promise.all([report(exit, session), recorded?.end(exit)]);
      log('VERBOSE', `Close session: ${name}${session.channel.id}`, {
        event: 'session-end',
        session: session.channel.id,
      });
    });
    desk?.await(reported);
    return true;
  };

  return {
    async onPty(request, session) {
      if (!connection.permissions.allow.pty || !settings.permitTty || isClosed) return false;
      try {
        pty = openPty({ ...sizeOf(request), modes: request.modes, owner: account });
        await desk?.giveTerminal(pty.path);
        session.terminalName = pty.path;
        return !isClosed;
      } catch (error) {
        log('ERROR', `openpty: ${(error as Error).message}`);
        pty?.close();
        pty = undefined;
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
      // Whoever asked has gone, and the terminal with it.
      if (isClosed && pty !== undefined) return false;
      const plan = choosePlan(wanted, connection, settings, pty);
      if (typeof plan === 'string') {
        log('INFO', plan);
        return false;
      }
      isStarting = true;
      try {
        return await start(plan, session, wanted);
      } catch (error) {
        closeRecord();
        pty?.close();
        const remedy = error instanceof SshError && error.remedy !== undefined ? ` (${error.remedy})` : '';
        log('ERROR', `session of ${name}${session.channel.id}: ${(error as Error).message}${remedy}`);
        return false;
      } finally {
        isStarting = false;
      }
    },
    onClosed() {
      isClosed = true;
      closeRecord();
      running?.hangUp();
      authInfo?.remove();
      // A terminal that was asked for and never used. What starts just now still needs it, and is hung up on then.
      if (running === undefined && !isStarting) pty?.close();
    },
  };
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

async function report(exit: SessionExit, session: ServerSession): Promise<void> {
  if ('code' in exit) await session.exit(exit.code);
  else await session.exitSignal(exit.signal, { coreDumped: exit.coreDumped });
}

function sizeOf({ columns, rows, widthPixels, heightPixels }: PtyRequest) {
  return { columns, rows, widthPixels, heightPixels };
}
