/** Sessions served by functions: `exec`, `shell` and `subsystems` of the options, with forced commands in force. */
import {
  type PtyRequest,
  type ServerSession,
  type SessionHandler,
  type SessionStart,
  type SignalName,
  signalNames,
} from '../connection/index.ts';
import type { ChannelSettings, Program, ProgramIo } from './options.ts';
import type { ServerConnection } from './server-connection.ts';

export function programHandler(connection: ServerConnection, options: ChannelSettings): SessionHandler {
  const aborter = new AbortController();
  const windowListeners: ((pty: PtyRequest) => void)[] = [];
  const signalListeners: ((name: SignalName) => void)[] = [];

  return {
    onPty: () => connection.permissions.allow.pty && options.shell !== undefined,
    onEnvironment: (name, value) => options.acceptEnvironment?.(name, value) ?? false,
    onWindowChange: (pty) => {
      for (const listener of windowListeners) listener(pty);
    },
    onSignal: (name) => {
      const known = signalNames.find((candidate) => candidate === name);
      if (known === undefined || signalListeners.length === 0) return false;
      for (const listener of signalListeners) listener(known);
      return true;
    },
    onClosed: () => aborter.abort(),
    onStart(start, session) {
      const run = choose(start, connection, options);
      if (run === undefined) return false;
      const io: ProgramIo = {
        stdin: session.stream,
        stdout: session.stream,
        stderr: session.stderr,
        pty: session.pty,
        environment: new Map([...session.environment, ...session.serverEnvironment]),
        connection,
        signal: aborter.signal,
        onWindowChange: (listener) => void windowListeners.push(listener),
        onSignal: (listener) => void signalListeners.push(listener),
      };
      // Only after the request has been answered: output before it would reach the client too early.
      setImmediate(() => void finish(run, io, session, connection, options));
      return true;
    },
  };
}

/** The program for a request. A forced command takes the place of all of them. */
function choose(
  start: SessionStart,
  connection: ServerConnection,
  options: ChannelSettings,
): ((io: ProgramIo) => Promise<number | void>) | undefined {
  const { exec, shell, subsystems } = options;
  const { forceCommand } = connection.permissions;
  if (forceCommand !== undefined) return exec && ((io) => exec(forceCommand, io));
  switch (start.kind) {
    case 'exec':
      return exec && ((io) => exec(start.command, io));
    case 'shell':
      return shell && ((io) => shell(undefined, io));
    case 'subsystem': {
      const program: Program<undefined> | undefined = Object.hasOwn(subsystems ?? {}, start.name)
        ? subsystems?.[start.name]
        : undefined;
      return program && ((io) => program(undefined, io));
    }
  }
}

async function finish(
  run: (io: ProgramIo) => Promise<number | void>,
  io: ProgramIo,
  session: ServerSession,
  connection: ServerConnection,
  options: ChannelSettings,
): Promise<void> {
  let status = 1;
  try {
    status = (await run(io)) ?? 0;
  } catch (error) {
    options.onError?.(error, connection.peer);
  }
  await session.exit(status);
}
