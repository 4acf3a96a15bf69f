/** The records of one connection's sessions: who is on, who was, and the line that tells people of their last login. */
import type { Peer } from '@nacre/ssh/server';
import type { Account } from '../../os/index.ts';
import type { LastLogin, SessionRecord } from '../../os/login-records.ts';
import type { Settings } from './config/config.ts';

/** The border between who may write the records and who serves sessions; `terminal` is a path. */
export interface SessionRecords {
  /** Gives the line about the login before this one; empty where there was none, or it is not wanted. */
  open(terminal: string): Promise<string>;
  close(terminal: string): Promise<void>;
}

/**
 * Undefined without the right to write them.
 *
 * @param pid - of a process that lives as long as the sessions.
 */
export function recordsOf(
  account: Account,
  peer: Peer,
  settings: Settings,
  pid: number = process.pid,
): SessionRecords | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const recordOf = (terminal: string): SessionRecord => ({
    line: terminal.replace(/^\/dev\//, ''),
    pid,
    user: account.name,
    uid: account.uid,
    host: peer.hostName ?? peer.address ?? 'UNKNOWN',
    address: peer.address,
  });
  // Kept from the start of a session: at its end there may be no time to load anything, as the server ends too.
  let system: typeof import('../../os/login-records.ts') | undefined;
  return {
    async open(terminal) {
      system ??= await import('../../os/login-records.ts');
      const before = settings.printLastLog ? system.readLastLogin(account.uid) : undefined;
      await system.recordLogin(recordOf(terminal));
      return before === undefined ? '' : formatLastLogin(before);
    },
    async close(terminal) {
      await system?.recordLogout(recordOf(terminal));
    },
  };
}

const days = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];
const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** With ctime(3)'s form of a time. */
export function formatLastLogin({ at, host }: LastLogin): string {
  const time = [at.getHours(), at.getMinutes(), at.getSeconds()].map((part) => String(part).padStart(2, '0')).join(':');
  const day = `${days[at.getDay()]} ${months[at.getMonth()]} ${String(at.getDate()).padStart(2)}`;
  return `Last login: ${day} ${time} ${at.getFullYear()}${host === '' ? '' : ` from ${host}`}\n`;
}

/** A password that was wrong; not awaited by anybody. */
export async function recordWrongPassword(user: string, peer: Peer): Promise<void> {
  if (process.getuid?.() !== 0) return;
  const { recordFailure } = await import('../../os/login-records.ts');
  await recordFailure({
    user,
    pid: process.pid,
    host: peer.hostName ?? peer.address ?? 'UNKNOWN',
    address: peer.address,
  });
}
