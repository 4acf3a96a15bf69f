/** Puts a listing on the screen: in columns as wide as the window, a name a line, or a line of facts for each. */
import { isatty } from 'node:tty';
import { toText } from '@nacre/ssh/sftp';
import { columnsOf } from '../../../terminal/width.ts';
import type { Session } from '../session.ts';
import { printableName } from '../voice.ts';
import { formatLongLine } from './long-line.ts';
import type { Entry, ListingStyle } from './style.ts';

const defaultColumns = 80;
/** A write costs more than the line that it writes; ^C is heeded between them. */
const linesAtOnce = 500;

/** @param widest - characters of the longest name, its folder included. */
export async function tellEntries(
  session: Session,
  entries: readonly Entry[],
  style: ListingStyle,
  widest: number,
): Promise<void> {
  const { voice, signal } = session;
  if (style.view === 'long') return tellLong(session, entries, style);
  const window = style.view === 'lines' ? 1 : await windowColumns();
  const perLine = style.view === 'lines' ? 1 : Math.max(1, Math.floor(window / (widest + 2)));
  const cell = style.view === 'lines' ? 0 : Math.min(window, Math.floor(window / perLine));
  for (let at = 0; at < entries.length && !signal.aborted; at += perLine) {
    const row = entries.slice(at, at + perLine).map(({ name }) => {
      return name + ' '.repeat(Math.max(0, cell - shownColumns(name)));
    });
    voice.say(row.join(''));
  }
}

/** By what is seen: OpenSSH counts bytes, which leaves columns of names beyond ASCII crooked. */
export function shownColumns(name: string): number {
  return columnsOf(printableName(name));
}

async function tellLong(session: Session, entries: readonly Entry[], style: ListingStyle): Promise<void> {
  const { voice, signal } = session;
  const isOurs = style.isNumeric || style.isScaled || session.tellsNames;
  if (!style.isNumeric) {
    const users = new Set<number>();
    const groups = new Set<number>();
    for (const {
      attributes: { owner },
    } of entries) {
      if (owner === undefined) continue;
      users.add(owner.uid);
      groups.add(owner.gid);
    }
    await session.learnNames(users, groups);
  }
  const now = Date.now() / 1000;
  const lineOf = (entry: Entry) =>
    isOurs || entry.longName === undefined ? formatLongLine(session, entry, style, now) : toText(entry.longName);
  for (let at = 0; at < entries.length && !signal.aborted; at += linesAtOnce) {
    voice.sayAll(entries.slice(at, at + linesAtOnce).map(lineOf));
  }
}

async function windowColumns(): Promise<number> {
  if (process.stdout.isTTY) return process.stdout.columns || defaultColumns;
  if (!isatty(0)) return defaultColumns;
  const { Terminal } = await import('../../../terminal/raw-mode.ts');
  return Terminal.open(0)?.readSize().columns || defaultColumns;
}
