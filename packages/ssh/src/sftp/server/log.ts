/** What a server tells of a session, by OpenSSH's levels and in its words. */

export const sftpLogLevels = ['quiet', 'fatal', 'error', 'info', 'verbose', 'debug1', 'debug2', 'debug3'] as const;
export type SftpLogLevel = (typeof sftpLogLevels)[number];

/** Where the lines go. Only lines up to the level are made. */
export interface SftpLog {
  readonly level: SftpLogLevel;
  /** @param text - one line, names in it made harmless. */
  write(level: Exclude<SftpLogLevel, 'quiet'>, text: string): void;
}

/** The flags of OPEN in the log. */
export function formatOpenFlags(flags: number): string {
  return openFlagNames
    .filter(([, bit]) => flags & bit)
    .map(([name]) => name)
    .join(',');
}

const openFlagNames = [
  ['READ', 0x1],
  ['WRITE', 0x2],
  ['APPEND', 0x4],
  ['CREATE', 0x8],
  ['TRUNCATE', 0x10],
  ['EXCL', 0x20],
] as const;

/** `20260131-23:59:59`, in the time zone of the process. */
export function formatLogTime(seconds: number): string {
  const at = new Date(seconds * 1000);
  const two = (value: number) => String(value).padStart(2, '0');
  const date = `${at.getFullYear()}${two(at.getMonth() + 1)}${two(at.getDate())}`;
  return `${date}-${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
}
