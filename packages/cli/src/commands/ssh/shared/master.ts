/** Being a master: other ssh processes of this user go through our connection, by the socket at the ControlPath. */
import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import { type ClientConnection, type MuxMaster, type MuxPolicy, persistWhileUsed, serveMux } from '@nacre/ssh/client';
import { SshError } from '@nacre/ssh/errors';
import { tryPlatform } from '../../../os/native.ts';
import { FatalError } from '../end.ts';
import type { ForwardSet } from '../forwards.ts';
import { passengerPolicy } from '../passengers/policy.ts';
import type { Request } from '../request.ts';

/** A socket that stands, and the clients behind it. */
export interface Sharing {
  /** Settles when the last client has gone. */
  idle(): Promise<void>;
  /** Ends the connection when nobody has used it for the time of ControlPersist; settles when it has ended. */
  persist(): Promise<void>;
  close(): Promise<void>;
}

/**
 * Listens where the settings say; undefined where another master is there already or the place is not safe, which the log tells.
 *
 * @throws FatalError where no socket can be made there.
 */
export async function shareConnection(
  connection: ClientConnection,
  request: Request,
  path: string,
  forwards: ForwardSet,
): Promise<Sharing | undefined> {
  const { log, settings } = request;
  log.debug(1, 'setting up multiplex master socket');
  let onChange = (): void => {};
  const policy: MuxPolicy = {
    forwards: (forward) => forwards.optionsFor(forward),
    standing: forwards.standing,
    peerUserId: (fd) => tryPlatform()?.getPeerUserId(fd),
    onChange: () => onChange(),
    log: (text) => log.debug(1, text),
    get passengers() {
      return passengerPolicy(connection, request);
    },
    ...(settings.controlMaster.endsWith('ask') && {
      confirm: async (question) => (await import('./confirm.ts')).confirm(question, request.host),
    }),
  };
  let master: MuxMaster;
  try {
    master = await serveMux(connection, path, policy);
  } catch (error) {
    if (!(error instanceof SshError)) throw error;
    if (error.message.startsWith('cannot bind to path')) {
      throw new FatalError(`unix_listener: cannot bind to path ${path}: ${systemText(error, path)}`);
    }
    if (error.message.startsWith('ControlPath too long')) {
      throw new FatalError(`unix_listener: path "${path}" too long for Unix domain socket (${error.remedy})`);
    }
    log.error(error.message);
    return undefined;
  }
  log.debug(1, `channel 0: new mux listener [${path}]`);
  // The agent that is lent over a shared connection is the master's, whoever asks for it.
  const agent = settings.forwardAgent === false ? undefined : (await import('../lent.ts')).chooseAgent(request);
  if (agent !== undefined) connection.lendAgent(agent);
  // Whatever ends this process: a socket that answers nobody would be in the way of the next one.
  const remove = () => master.stopListening();
  process.once('exit', remove);
  const idle = () =>
    new Promise<void>((resolve) => {
      const check = () => master.clientCount === 0 && resolve();
      onChange = check;
      void connection.closed.then(() => resolve());
      check();
    });
  return {
    idle,
    async persist() {
      const persistence = persistWhileUsed(connection, master, settings.controlPersist.seconds * 1000, () => {
        log.debug(1, 'ControlPersist timeout expired');
        void connection.close();
      });
      onChange = () => {
        persistence.check();
        // Nobody can reach it any more.
        if (!master.isListening && master.clientCount === 0) void connection.close();
      };
      await connection.closed;
    },
    async close() {
      process.off('exit', remove);
      await master.close();
    },
  };
}

/** libuv says EACCES where the folder is missing. */
function systemText({ cause }: SshError, path: string): string {
  const { code = '', message = '' } = (cause ?? {}) as NodeJS.ErrnoException;
  if (!existsSync(dirname(path))) return 'No such file or directory';
  return { EACCES: 'Permission denied', EROFS: 'Read-only file system' }[code] ?? message;
}
