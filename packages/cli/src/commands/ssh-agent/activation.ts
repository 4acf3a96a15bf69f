/** Socket activation: a supervisor (systemd) has opened the socket and hands it over as descriptor 3. */
import { fstatSync } from 'node:fs';
import { Ending } from '../ssh-keygen/ending.ts';
import { parseNumber } from '../ssh-keygen/number.ts';

const socketFd = 3;

/** The socket's descriptor; undefined where there is no activation. */
export function findActivatedSocket(environment: NodeJS.ProcessEnv): number | undefined {
  const { LISTEN_FDS: count, LISTEN_PID: forPid } = environment;
  if (count === undefined || forPid === undefined) return undefined;
  if (count !== '1') throw new Ending(`unexpected LISTEN_FDS contents (want: "1" got"${count}"`);
  if (!isSocket(socketFd)) throw new Ending(`LISTEN_FDS set but fd ${socketFd} unavailable`);
  const pid = parseNumber(forPid, 1, 2 ** 31 - 1, (reason) => `invalid LISTEN_PID: ${reason}`);
  if (pid !== process.pid) throw new Ending(`bad LISTEN_PID: ${pid} vs pid ${process.pid}`);
  return socketFd;
}

function isSocket(fd: number): boolean {
  try {
    return fstatSync(fd).isSocket();
  } catch {
    return false;
  }
}
