/** What the commands of a session share: the server, where we are on it, and how things are to be done. */
import type { FileAttributes, SftpClient } from '@nacre/ssh/sftp';
import { toText } from '@nacre/ssh/sftp';
import type { TransferMeter } from '../files/transfer-meter.ts';
import type { Foreseen, Question } from './ahead.ts';
import { joinNames, quotePattern } from './paths.ts';
import type { Server } from './server.ts';
import type { Settings } from './settings.ts';
import type { Voice } from './voice.ts';

export class Session {
  readonly sftp: SftpClient;
  readonly settings: Settings;
  readonly voice: Voice;
  /** Where the session began. */
  readonly startFolder: string;
  /** The folder on the server that relative paths begin in. */
  folder: string;
  showsProgress: boolean;
  /** Of the files that are under way at the same time. */
  meter: TransferMeter | undefined;
  /** Aborted when the command under way is interrupted. */
  signal: AbortSignal = new AbortController().signal;
  /** In a batch a command of several files ends with the first that fails. */
  stopsAtFailure = false;
  readonly #foreseen: Foreseen;
  readonly #users = new Map<number, string>();
  readonly #groups = new Map<number, string>();

  constructor({ sftp, start, foreseen }: Server, settings: Settings, voice: Voice) {
    const startFolder = toText(start.bytes);
    this.sftp = sftp;
    this.#foreseen = foreseen;
    this.settings = settings;
    this.voice = voice;
    this.startFolder = startFolder;
    this.folder = startFolder;
    this.showsProgress = settings.showsProgress;
  }

  /** A look at a file, for which a command may come with the answer already under way. */
  look(kind: Question['kind'], path: string): Promise<FileAttributes> {
    return this.#foreseen.take(kind, path) ?? this.sftp[kind](path, { signal: this.signal });
  }

  /** A command is over, and nothing is as it was. */
  forgetForeseen(): void {
    this.#foreseen.forget();
  }

  /** A path of the server's, from wherever. */
  async absolute(path: string): Promise<string> {
    if (path.startsWith('/')) return path;
    return (await this.#expandHome(path)) ?? joinNames(this.folder, path);
  }

  /** The same for a pattern. */
  async absolutePattern(pattern: string): Promise<string> {
    if (pattern.startsWith('/')) return pattern;
    const slash = pattern.indexOf('/');
    const first = slash < 0 ? pattern : pattern.slice(0, slash);
    const home = /[\\*?[]/.test(first) ? undefined : await this.#expandHome(first);
    if (home !== undefined) return quotePattern(home) + (slash < 0 ? '' : pattern.slice(slash));
    return joinNames(quotePattern(this.folder), pattern);
  }

  /** Has the names of these users and groups at hand, where the server tells them. */
  async learnNames(users: ReadonlySet<number>, groups: ReadonlySet<number>): Promise<void> {
    if (!this.tellsNames) return;
    const newUsers = [...users].filter((uid) => !this.#users.has(uid));
    const newGroups = [...groups].filter((gid) => !this.#groups.has(gid));
    if (newUsers.length + newGroups.length === 0) return;
    const names = await this.sftp.namesOf({ users: newUsers, groups: newGroups }, { signal: this.signal });
    for (const [at, uid] of newUsers.entries()) this.#users.set(uid, toText(names.users[at] as Buffer));
    for (const [at, gid] of newGroups.entries()) this.#groups.set(gid, toText(names.groups[at] as Buffer));
  }

  get tellsNames(): boolean {
    return this.sftp.extensions.has('users-groups-by-id@openssh.com');
  }

  userName(uid: number): string {
    return this.#users.get(uid) || String(uid);
  }

  groupName(gid: number): string {
    return this.#groups.get(gid) || String(gid);
  }

  /** `~` and `~user` are homes where the server expands them, unless there is a file of that name. */
  async #expandHome(path: string): Promise<string | undefined> {
    if (!path.startsWith('~') || !this.sftp.extensions.has('expand-path@openssh.com')) return undefined;
    const slash = path.indexOf('/');
    const first = slash < 0 ? path : path.slice(0, slash);
    const isThere = await this.sftp.lstat(joinNames(this.folder, first)).then(
      () => true,
      () => false,
    );
    if (isThere) return undefined;
    try {
      const home = toText((await this.sftp.expandPath(first, { signal: this.signal })).bytes);
      return slash < 0 ? home : joinNames(home, path.slice(slash + 1));
    } catch {
      return undefined;
    }
  }
}
