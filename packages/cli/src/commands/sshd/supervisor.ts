/** systemd, or whoever else started the server and watches it: sockets that it opened (LISTEN_FDS), and what it wants to know (NOTIFY_SOCKET). */
import { SshError } from '@nacre/ssh/errors';
import { tryPlatform } from '../../os/index.ts';
import type { Log } from './log.ts';

/** sd_listen_fds(3). */
const firstDescriptor = 3;
const maxDescriptors = 256;

/**
 * Sockets that were opened for this process. Its children are not told of them.
 *
 * @throws SshError `bad-file` where what is handed over is no listening socket.
 */
export function takeSockets(environment: NodeJS.ProcessEnv): number[] {
  const { LISTEN_PID: pid, LISTEN_FDS: count = '' } = environment;
  for (const name of ['LISTEN_PID', 'LISTEN_FDS', 'LISTEN_FDNAMES']) delete environment[name];
  // Whoever started us may have inherited the variables, which are then for another process.
  if (pid !== String(process.pid)) return [];
  const number = /^\d{1,9}$/.test(count) ? Number(count) : Number.NaN;
  if (!(number <= maxDescriptors))
    throw unusable(`LISTEN_FDS is ${JSON.stringify(count)}, which is no number up to 256`);
  const system = number === 0 ? undefined : tryPlatform();
  return Array.from({ length: number }, (_, index) => {
    const fd = firstDescriptor + index;
    if (system?.isListening(fd) === true) return fd;
    throw unusable(`LISTEN_FDS: descriptor ${fd} is no listening socket`);
  });
}

function unusable(message: string): SshError {
  return new SshError(message, {
    code: 'bad-file',
    stage: 'config',
    remedy: 'give a .socket unit ListenStream= and Accept=no; with Accept=yes, start sshd -i',
  });
}

/** Tells the supervisor how the server is, where it asks. */
export type Notify = (state: 'ready' | 'reloading' | 'stopping') => void;

/** The supervisor's ear, taken out of the environment. What it cannot be told it goes without: the server serves all the same. */
export function openNotify(environment: NodeJS.ProcessEnv, log: Log): Notify {
  const { NOTIFY_SOCKET: path = '' } = environment;
  delete environment.NOTIFY_SOCKET;
  if (!/^[/@]/.test(path)) return () => {};
  return (state) => {
    try {
      tryPlatform()?.sendDatagram(path, Buffer.from(lines[state]()));
    } catch (error) {
      log('DEBUG1', `NOTIFY_SOCKET ${path}: ${(error as Error).message}`);
    }
  };
}

/** sd_notify(3). */
const lines: Readonly<Record<Parameters<Notify>[0], () => string>> = {
  ready: () => 'READY=1',
  reloading: () => `RELOADING=1\nMONOTONIC_USEC=${process.hrtime.bigint() / 1000n}`,
  stopping: () => 'STOPPING=1',
};
