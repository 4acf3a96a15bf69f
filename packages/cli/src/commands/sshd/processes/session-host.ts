/** The process that serves one user: it is that user, and has what the user has. */
import { SshError } from '@nacre/ssh/errors';
import { decodePublicKey } from '@nacre/ssh/keys';
import { type ResumeSettings, resumeClient, type ServerConnection } from '@nacre/ssh/server';
import { dropPrivileges, platform } from '../../../os/index.ts';
import type { Say } from '../admission.ts';
import { channelSettings, transportSettings, userSettings } from '../served-settings.ts';
import { warmUp } from '../warm-up.ts';
import { Calls } from './calls.ts';
import { refuseDebuggers } from './confinement.ts';
import { HostAdmission } from './host-admission.ts';
import { remoteHostKeys } from './remote-keys.ts';
import type { Becoming, HostTable, MonitorTable, Resumed } from './tables.ts';

/** Serves until the monitor is gone. */
export async function runSessionHost(): Promise<number> {
  refuseDebuggers();
  const connections = new Map<number, ServerConnection>();
  let user: Becoming | undefined;
  const monitor = new Calls<MonitorTable, HostTable>(process, {
    become: (who) => {
      if (user !== undefined)
        throw new SshError('this process is a user’s already', { code: 'misuse', stage: 'channel' });
      become(who);
      user = who;
    },
    serve: (resumed, socket) => {
      if (user === undefined || socket === undefined)
        throw new SshError('there is nobody to serve', { code: 'misuse', stage: 'channel' });
      const { id } = resumed;
      connections.set(
        id,
        resumeClient(socket, resumed.state, loginOf(resumed), resumed.peer, settingsFor(resumed, user, monitor)),
      );
      void connections.get(id)?.closed.then((error) => {
        connections.delete(id);
        monitor.tell('ended', { id, error });
      });
    },
    fail: ({ id, error }) => {
      connections.get(id)?.fail(error);
    },
  });
  void warmUp();
  await monitor.ended;
  // Nobody is left who knows of the sessions: they end as if the server had.
  await Promise.all([...connections.values()].map((connection) => connection.close('the server is going down')));
  return 0;
}

function become({ account }: Becoming): void {
  // Loaded while this process may read anything.
  const system = platform();
  if (account.uid !== 0) dropPrivileges(account);
  system.hideMemory();
}

function loginOf({ user, methods, keys, grant }: Resumed) {
  return { user, methods, keys: keys.map((blob) => decodePublicKey(blob)), grant };
}

function settingsFor(
  { id, settings, hostKeys }: Resumed,
  user: Becoming,
  monitor: Calls<MonitorTable, HostTable>,
): ResumeSettings {
  const say: Say = (level, text, facts) => monitor.tell('log', { id, level, text, ...(facts && { facts }) });
  const admission = new HostAdmission(user, settings, say, {
    giveTerminal: async (path) => void (await monitor.call('giveTerminal', { id, path })),
  });
  return {
    ...transportSettings(settings),
    ...channelSettings(admission),
    ...userSettings(settings),
    hostKeys: remoteHostKeys(hostKeys, id, (request) => monitor.call('sign', request)),
    onError: (error) => admission.logFor()('ERROR', error instanceof Error ? error.message : String(error)),
  };
}
