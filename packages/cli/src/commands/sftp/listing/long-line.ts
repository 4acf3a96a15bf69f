/** A file of the server as `ls -l` shows it. */
import { formatFileTime, formatMode } from '@nacre/ssh/sftp';
import { formatScaled } from '../numbers.ts';
import type { Session } from '../session.ts';
import type { Entry, ListingStyle } from './style.ts';

/** @param now - seconds since 1970. */
export function formatLongLine(session: Session, entry: Entry, style: ListingStyle, now: number): string {
  const { mode = 0, size = 0, owner, times } = entry.attributes;
  const { uid = 0, gid = 0 } = owner ?? {};
  const columns = [
    `${formatMode(mode)} `,
    // The protocol does not tell how many names a file has.
    '  ?',
    (style.isNumeric ? String(uid) : session.userName(uid)).padEnd(8),
    (style.isNumeric ? String(gid) : session.groupName(gid)).padEnd(8),
    (style.isScaled ? formatScaled(BigInt(size)) : String(size)).padStart(8),
    formatFileTime(times?.modified, now),
    entry.name,
  ];
  return columns.join(' ');
}
