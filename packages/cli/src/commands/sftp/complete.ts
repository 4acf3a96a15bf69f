/** What a half-typed line at the prompt may become: commands, files here, files on the server. */
import { readdir, stat } from 'node:fs/promises';
import { fileType, type SftpClient, toPathBytes, toText } from '@nacre/ssh/sftp';
import type { Completion } from '../../terminal/completion-list.ts';
import { quoteWord, type ShellWord, splitWords } from '../../terminal/shell-words.ts';
import { joinNames } from './paths.ts';
import type { Session } from './session.ts';
import { findVerb, verbs } from './verbs/table.ts';
import { printableName } from './voice.ts';

interface Name {
  readonly name: string;
  readonly kind: 'folder' | 'link' | 'file';
}

/** Looks a folder up once for a line, however often Tab is pressed in it. */
export class Completer {
  readonly #session: Session;
  #known: { readonly key: string; readonly names: readonly Name[] } | undefined;

  constructor(session: Session) {
    this.#session = session;
  }

  /** Another line: the folders may hold something else by now. */
  forget(): void {
    this.#known = undefined;
  }

  async complete(line: string, cursor: number, signal: AbortSignal): Promise<Completion | undefined> {
    const { words } = splitWords(line.slice(0, cursor), { unfinished: true });
    const last = words.at(-1);
    // A word that ends before the cursor is complete; the next one begins there.
    const current = last !== undefined && last.end === cursor ? last : undefined;
    const before = current === undefined ? words : words.slice(0, -1);
    if (before.length === 0) return completeCommand(current, cursor);
    const verb = findVerb((before[0] as ShellWord).text.toLowerCase());
    const place = before.slice(1).filter(({ text }) => !text.startsWith('-')).length;
    const kind = verb?.completes?.[place];
    return kind === undefined ? undefined : this.#completePath(current, cursor, kind, signal);
  }

  async #completePath(
    word: ShellWord | undefined,
    cursor: number,
    kind: 'local' | 'remote',
    signal: AbortSignal,
  ): Promise<Completion> {
    const { text = '', quote = '', start = cursor } = word ?? {};
    const folder = text.slice(0, text.lastIndexOf('/') + 1);
    const beginning = text.slice(folder.length);
    const names = (await this.#list(folder, kind, signal)).filter(
      ({ name }) => name.startsWith(beginning) && (beginning !== '' || !name.startsWith('.')),
    );
    const found = await Promise.all(
      names.map(async (one) => ({ ...one, isFolder: await this.#isFolder(folder, one, kind, names.length) })),
    );
    const candidates = found.map(({ name, isFolder }) => {
      const slash = isFolder ? '/' : '';
      return { insert: quote + quoteWord(folder + name, quote) + slash, shown: printableName(name) + slash };
    });
    return { start, candidates, suffix: found[0]?.isFolder ? '' : `${quote} ` };
  }

  async #list(folder: string, kind: 'local' | 'remote', signal: AbortSignal): Promise<readonly Name[]> {
    const key = `${kind} ${folder}`;
    if (this.#known?.key === key) return this.#known.names;
    const names = kind === 'local' ? await listLocal(folder) : await this.#listRemote(folder, signal);
    names.sort((a, b) => Buffer.compare(Buffer.from(a.name), Buffer.from(b.name)));
    this.#known = { key, names };
    return names;
  }

  async #listRemote(folder: string, signal: AbortSignal): Promise<Name[]> {
    const { sftp } = this.#session;
    const path = folder === '' ? this.#session.folder : await this.#session.absolute(folder);
    const names: Name[] = [];
    for await (const { bytes, attributes } of sftp.readdir(path, { signal })) {
      const type = fileType(attributes);
      const kind = type === 'directory' ? 'folder' : type === 'symlink' ? 'link' : 'file';
      names.push({ name: toText(bytes), kind });
    }
    return names;
  }

  /** A link is looked at where it is the only one, and a slash would be put behind it. */
  async #isFolder(folder: string, { name, kind }: Name, side: 'local' | 'remote', count: number): Promise<boolean> {
    if (kind !== 'link' || count > 1) return kind === 'folder';
    if (side === 'local')
      return (await stat(toPathBytes(folder + name)).catch(() => undefined))?.isDirectory() ?? false;
    const path = joinNames(folder === '' ? this.#session.folder : await this.#session.absolute(folder), name);
    return leadsToFolder(this.#session.sftp, path);
  }
}

async function leadsToFolder(sftp: SftpClient, path: string): Promise<boolean> {
  const there = await sftp.stat(path).catch(() => undefined);
  return there !== undefined && fileType(there) === 'directory';
}

function completeCommand(word: ShellWord | undefined, cursor: number): Completion {
  const typed = (word?.text ?? '').toLowerCase();
  const names = verbs.flatMap((verb) => verb.names).filter((name) => name.startsWith(typed));
  const candidates = names.sort().map((insert) => ({ insert }));
  return { start: word?.start ?? cursor, candidates, suffix: ' ' };
}

async function listLocal(folder: string): Promise<Name[]> {
  const entries = await readdir(toPathBytes(folder === '' ? '.' : folder), {
    withFileTypes: true,
    encoding: 'buffer',
  });
  return entries.map((entry) => ({
    name: toText(entry.name),
    kind: entry.isDirectory() ? 'folder' : entry.isSymbolicLink() ? 'link' : 'file',
  }));
}
