/** The system's records of logins (utmp, wtmp, lastlog, btmp) as who, last, lastlog and lastb read them. For root, on Linux with glibc. */
import { closeSync, constants, fstatSync, openSync, readSync, writeSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { tryLockFile } from './file-lock.ts';
import { encodeLastLogin, encodeRecord, type LoginRecord, recordLayout, recordTypes } from './login-record-layout.ts';

/** Where they are; a file that is not there is not made. */
export interface LoginFiles {
  readonly utmp: string;
  readonly wtmp: string;
  readonly lastlog: string;
  readonly btmp: string;
}

/** A session in a terminal: plain data, so that it may be recorded by another process. */
export interface SessionRecord {
  /** The terminal without `/dev/`: `pts/3`. */
  readonly line: string;
  /** A process that lives as long as the session: who leaves out the records of others. */
  readonly pid: number;
  readonly user: string;
  readonly uid: number;
  /** The other end's name, or else its address. */
  readonly host: string;
  readonly address: string | undefined;
}

export interface LastLogin {
  readonly at: Date;
  readonly host: string;
}

const systemFiles: LoginFiles = {
  utmp: '/var/run/utmp',
  wtmp: '/var/log/wtmp',
  lastlog: '/var/log/lastlog',
  btmp: '/var/log/btmp',
};

/** Somebody who holds a lock (every user may) keeps a login from being recorded, and from nothing else. */
const lockTimeoutMs = 2000;
const lockStepMs = 20;
/** A larger utmp is none. */
const maxRecords = 100_000;

/** The start of a session. Never rejects: a record that cannot be written is no reason to refuse anybody. */
export async function recordLogin(session: SessionRecord, files: LoginFiles = systemFiles): Promise<void> {
  const now = new Date();
  const record: LoginRecord = { ...session, type: recordTypes.user, id: idOf(session.line), at: now };
  await quietly(() => putRecord(files.utmp, record));
  await quietly(() => append(files.wtmp, encodeRecord(record)));
  await quietly(() => writeLastLogin(files.lastlog, session, now));
}

/** Its end. */
export async function recordLogout(
  { line, pid, address }: Pick<SessionRecord, 'line' | 'pid' | 'address'>,
  files: LoginFiles = systemFiles,
): Promise<void> {
  const end: LoginRecord = {
    type: recordTypes.dead,
    line,
    pid,
    id: idOf(line),
    user: '',
    host: '',
    address,
    at: new Date(),
  };
  await quietly(() => putRecord(files.utmp, end));
  await quietly(() => append(files.wtmp, encodeRecord({ ...end, id: '', address: undefined })));
}

/** When and from where somebody logged in last; undefined for never, and where it is not recorded. */
export function readLastLogin(uid: number, files: LoginFiles = systemFiles): LastLogin | undefined {
  try {
    return withFile(files.lastlog, constants.O_RDONLY, (fd) => {
      const bytes = Buffer.alloc(recordLayout.lastLoginBytes);
      const length = readSync(fd, bytes, 0, bytes.length, uid * bytes.length);
      if (length < bytes.length) return undefined;
      const { timeBytes } = recordLayout;
      const seconds = timeBytes === 4 ? bytes.readUInt32LE(0) : Number(bytes.readBigInt64LE(0));
      if (seconds === 0) return undefined;
      const host = bytes.subarray(timeBytes + 32);
      const end = host.indexOf(0);
      return { at: new Date(seconds * 1000), host: host.toString('utf8', 0, end < 0 ? host.length : end) };
    });
  } catch {
    return undefined;
  }
}

/** A password that was wrong; only into a file of root's that is nobody else's to read. */
export async function recordFailure(
  failure: Pick<SessionRecord, 'user' | 'host' | 'address' | 'pid'>,
  files: LoginFiles = systemFiles,
): Promise<void> {
  const at = new Date(Math.floor(Date.now() / 1000) * 1000);
  const record = encodeRecord({ ...failure, type: recordTypes.user, line: 'ssh:notty', id: '', at });
  await quietly(() =>
    withFile(files.btmp, constants.O_WRONLY | constants.O_APPEND, (fd) => {
      const { mode, uid } = fstatSync(fd);
      if (uid === 0 && (mode & 0o017) === 0) writeSync(fd, record);
    }),
  );
}

/** The last four letters, by which a terminal's record is found again. */
function idOf(line: string): string {
  return line.slice(-4);
}

async function putRecord(file: string, record: LoginRecord): Promise<void> {
  await withLockedFile(file, constants.O_RDWR, (fd) => {
    const bytes = encodeRecord(record);
    const place = findPlace(fd, bytes);
    // A half of one at the end is written over, or every record after it would be read askew.
    const { size } = fstatSync(fd);
    writeSync(fd, bytes, 0, bytes.length, place ?? size - (size % bytes.length));
  });
}

/** Where the record with the same id stands. */
function findPlace(fd: number, wanted: Buffer): number | undefined {
  const { recordBytes, typeAt, idAt } = recordLayout;
  const id = wanted.subarray(idAt, idAt + 4);
  const record = Buffer.alloc(recordBytes);
  for (let i = 0; i < maxRecords; i++) {
    if (readSync(fd, record, 0, recordBytes, i * recordBytes) < recordBytes) return undefined;
    const type = record.readInt16LE(typeAt);
    const isProcess = type >= recordTypes.init && type <= recordTypes.dead;
    if (isProcess && record.subarray(idAt, idAt + 4).equals(id)) return i * recordBytes;
  }
  return undefined;
}

async function append(file: string, record: Buffer): Promise<void> {
  await withLockedFile(file, constants.O_WRONLY, (fd) => {
    const { size } = fstatSync(fd);
    writeSync(fd, record, 0, record.length, size - (size % record.length));
  });
}

async function writeLastLogin(file: string, { uid, line, host }: SessionRecord, at: Date): Promise<void> {
  const bytes = encodeLastLogin({ line, host, at });
  withFile(file, constants.O_WRONLY, (fd) => writeSync(fd, bytes, 0, bytes.length, uid * bytes.length));
}

function withFile<T>(file: string, mode: number, use: (fd: number) => T): T {
  const fd = openSync(file, mode | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    return use(fd);
  } finally {
    closeSync(fd);
  }
}

async function withLockedFile(file: string, mode: number, use: (fd: number) => void): Promise<void> {
  const fd = openSync(file, mode | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    const end = performance.now() + lockTimeoutMs;
    while (!tryLockFile(fd)) {
      if (performance.now() > end) return;
      await delay(lockStepMs);
    }
    // Closing gives the lock back.
    use(fd);
  } finally {
    closeSync(fd);
  }
}

async function quietly(step: () => Promise<void> | void): Promise<void> {
  try {
    await step();
  } catch {
    // The file is not there, the disk is full, or there is no way to lock.
  }
}
