/** A file of the server as `ls -l` shows it. */
import { formatFileTime, formatMode } from '@nacre/ssh/sftp';
import { formatScaled } from '../numbers.ts';
import type { Session } from '../session.ts';
import type { Entry, ListingStyle } from './style.ts';

/** @param now - seconds since 1970. */
export function formatLongLine(session: Session, entry: Entry, style: ListingStyle, now: number): string {
  const { mode = 0, size = 0, owner, times } = entry.attributes;
  const { uid = 0, gid = 0 } = owner ?? {};
  const user = (style.isNumeric ? String(uid) : session.userName(uid)).padEnd(8);
  const group = (style.isNumeric ? String(gid) : session.groupName(gid)).padEnd(8);
  const shownSize = (style.isScaled ? formatScaled(BigInt(size)) : String(size)).padStart(8);
  // The question mark: the protocol does not tell how many names a file has.
  return `${formatMode(mode)}    ? ${user} ${group} ${shownSize} ${formatFileTime(times?.modified, now)} ${entry.name}`;
}
