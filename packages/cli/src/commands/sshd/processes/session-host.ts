/** The process that serves one user: it is that user, and has what the user has. */
import { SshError } from '@nacre/ssh/errors';
import { decodePublicKey } from '@nacre/ssh/keys';
import { type ResumeSettings, resumeClient, type ServerConnection } from '@nacre/ssh/server';
import { type Account, dropPrivileges, platform } from '../../../os/index.ts';
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
  let account: Account | undefined;
  const monitor = new Calls<MonitorTable, HostTable>(process, {
    become: (who) => {
      if (account !== undefined)
        throw new SshError('this process is a user’s already', { code: 'misuse', stage: 'channel' });
      become(who);
      account = who.account;
    },
    serve: (resumed, socket) => {
      if (account === undefined || socket === undefined)
        throw new SshError('there is nobody to serve', { code: 'misuse', stage: 'channel' });
      const { id } = resumed;
      connections.set(
        id,
        resumeClient(socket, resumed.state, loginOf(resumed), resumed.peer, settingsFor(resumed, account, monitor)),
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
  account: Account,
  monitor: Calls<MonitorTable, HostTable>,
): ResumeSettings {
  const admission = new HostAdmission(account, settings, (level, text, facts) =>
    monitor.tell('log', { id, level, text, ...(facts && { facts }) }),
  );
  return {
    ...transportSettings(settings),
    ...channelSettings(admission),
    ...userSettings(settings),
    hostKeys: remoteHostKeys(hostKeys, id, (request) => monitor.call('sign', request)),
    onError: (error) => admission.logFor()('ERROR', error instanceof Error ? error.message : String(error)),
  };
}
