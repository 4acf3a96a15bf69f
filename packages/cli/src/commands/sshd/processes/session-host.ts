/** The process that serves one user: it is that user, and has what the user has. */
import { SshError } from '@nacre/ssh/errors';
import { decodePublicKey } from '@nacre/ssh/keys';
import {
  type ProgramIo,
  type ResumedClient,
  type ResumeSettings,
  resumeClient,
  type ServerOptions,
} from '@nacre/ssh/server';
import { type Became, becomeAccount } from '../../../os/become-account.ts';
import type { Say } from '../admission.ts';
import type { Settings } from '../config/config.ts';
import { channelSettings, transportSettings, userSettings } from '../served-settings.ts';
import { Tidying } from '../tidy.ts';
import { warmUp, warmUpForChannels } from '../warm-up.ts';
import { Calls } from './calls.ts';
import { refuseDebuggers } from './confinement.ts';
import { HostAdmission } from './host-admission.ts';
import { remoteBooks } from './kept-books.ts';
import { RemoteRecordings } from './kept-recordings.ts';
import { type PublicHostKey, readHostKeys, remoteHostKeys } from './remote-keys.ts';
import type { Becoming, HostTable, MonitorTable, Resumed } from './tables.ts';

interface Client extends ResumedClient {
  readonly recordings: RemoteRecordings;
}

/** What connections are served by, as the monitor told last. */
interface Configured {
  readonly settings: Settings;
  readonly hostKeys: readonly PublicHostKey[];
}

/** Serves until the monitor is gone. */
export async function runSessionHost(): Promise<number> {
  refuseDebuggers();
  const clients = new Map<number, Client>();
  let user: (Becoming & Became) | undefined;
  const tidying = new Tidying();
  let configured: Configured | undefined;
  void warmUpForChannels();
  const monitor = new Calls<MonitorTable, HostTable>(process, {
    become: async (who) => {
      if (user !== undefined)
        throw new SshError('this process is a user’s already', { code: 'misuse', stage: 'channel' });
      // Behind the door there are no files of this program.
      if (who.chroot !== undefined) await Promise.all([warmUp(), import('../sftp-here.ts')]);
      const became = becomeAccount(who);
      user = { ...who, ...became };
      return became;
    },
    configure: ({ settings, hostKeys }) => {
      configured = { settings, hostKeys: readHostKeys(hostKeys) };
    },
    serve: (resumed, socket) => {
      if (user === undefined || configured === undefined || socket === undefined)
        throw new SshError('there is nobody to serve', { code: 'misuse', stage: 'channel' });
      const { id } = resumed;
      const recordings = new RemoteRecordings(id, monitor);
      const unfinished = new Set<Promise<unknown>>();
      const settings = settingsFor(resumed, configured, user, monitor, { recordings, unfinished });
      const client = resumeClient(socket, resumed.state, loginOf(resumed), resumed.peer, settings);
      clients.set(id, { ...client, recordings });
      tidying.count();
      void client.connection.closed.then(async (error) => {
        monitor.tell('ended', { id, error, traffic: client.traffic() });
        // A program may outlive its client, and how it ends is still to be told.
        while (unfinished.size > 0) await Promise.allSettled(unfinished);
        clients.delete(id);
        monitor.tell('forget', { id });
      });
    },
    fail: ({ id, error }) => clients.get(id)?.connection.fail(error),
    facts: ({ id }) => {
      const client = clients.get(id);
      if (client === undefined) throw new SshError('the connection has ended', { code: 'closed', stage: 'transport' });
      return client.facts();
    },
    recordingFailed: ({ id, recording, error }) => clients.get(id)?.recordings.fail(recording, error),
  });
  await monitor.ended;
  // Nobody is left who knows of the sessions: they end as if the server had.
  await Promise.all([...clients.values()].map(({ connection }) => connection.close('the server is going down')));
  return 0;
}

function loginOf({ user, methods, keys, grant }: Resumed) {
  return { user, methods, keys: keys.map((blob) => decodePublicKey(blob)), grant };
}

function settingsFor(
  { id, login }: Resumed,
  { settings, hostKeys }: Configured,
  user: Becoming & Became,
  monitor: Calls<MonitorTable, HostTable>,
  { recordings, unfinished }: { readonly recordings: RemoteRecordings; readonly unfinished: Set<Promise<unknown>> },
): ResumeSettings {
  const say: Say = (level, text, facts) => monitor.tell('log', { id, level, text, ...(facts && { facts }) });
  const admission = new HostAdmission(user, settings, say, {
    giveTerminal: (path) => monitor.call('giveTerminal', { id, path }),
    records: {
      open: (path) => monitor.call('openRecord', { id, path }),
      close: (path) => monitor.call('closeRecord', { id, path }),
    },
    makeRecorder: recordings.makeRecorder,
    await: (end) => {
      unfinished.add(end);
      void end.finally(() => unfinished.delete(end)).catch(() => {});
    },
  });
  const sessionLogin = login && { ...login, environment: { ...login.environment, ...user.environment } };
  return {
    ...transportSettings(settings),
    ...(user.sessionRefusal === undefined
      ? channelSettings(admission, () => sessionLogin, remoteBooks(id, monitor))
      : refusedSessions(user.words)),
    ...userSettings(settings),
    hostKeys: remoteHostKeys(hostKeys, id, (request) => monitor.call('sign', request)),
    onError: (error) => admission.logFor()('ERROR', error instanceof Error ? error.message : String(error)),
  };
}

/** PAM opened no session: what its modules said is shown, and nothing is run. OpenSSH's exit status. */
function refusedSessions(words: string): Pick<ServerOptions, 'shell' | 'exec'> {
  const refuse = async (_what: unknown, { stdout }: ProgramIo): Promise<number> => {
    stdout.write(words.replaceAll('\n', '\r\n'));
    return 254;
  };
  return { shell: refuse, exec: refuse };
}
