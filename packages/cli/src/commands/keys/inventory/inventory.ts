/** Takes the inventory: finds the files, reads them, relates what is in them, and counts. Nothing is changed anywhere. */
import { userInfo } from 'node:os';
import { join, resolve } from 'node:path';
import { SshError } from '@nacre/ssh/errors';
import { describeSystemError } from '../../ssh-keygen/ending.ts';
import { classify } from './classify.ts';
import { findConfiguredFiles } from './config-files.ts';
import { type ReaderContext, startDraft } from './draft.ts';
import { FileFinder, type FoundFile, type FoundFolder } from './files.ts';
import type { Draft, Inventory, Item, ItemKind, Problem, Summary } from './items.ts';
import { AccessTimes } from './mounts.ts';
import { formatMode } from './private-keys.ts';
import { readers } from './readers.ts';
import { relate } from './relations.ts';

export interface InventoryOptions {
  /** Folders or files; none means ~/.ssh and what its config names. */
  readonly folders: readonly string[];
  /** Milliseconds since 1970. */
  readonly now: number;
  /** Default: the account's. */
  readonly home?: string | undefined;
}

export async function takeInventory(options: InventoryOptions): Promise<Inventory> {
  const { username, homedir } = userInfo();
  const home = options.home ?? homedir;
  const isDefault = options.folders.length === 0;
  const folders = isDefault ? [join(home, '.ssh')] : options.folders.map((folder) => resolve(folder));
  const finder = new FileFinder();
  const failures: { folder: string; reason: string }[] = [];
  for (const folder of folders) {
    const reason = tryFolder(finder, folder);
    // Whoever has no ~/.ssh has no keys, which is an answer.
    if (reason !== undefined && !(isDefault && reason === 'No such file or directory'))
      failures.push({ folder, reason });
  }
  if (isDefault) for (const file of findConfiguredFiles({ home, user: username })) finder.addKeyFile(file);

  const times = new AccessTimes();
  const context: ReaderContext = { nowMs: options.now, keepsAccessTimes: (path) => times.areKept(path) };
  const drafts: Draft[] = [];
  for (const file of finder.files) drafts.push(...(await readFile(file, context)));
  relate(drafts);
  addOwners(drafts, finder);
  const found = [...finder.folders.flatMap(judgeFolder), ...finder.unread.map(startUnread), ...drafts];
  const items = found.map(finish);
  return { nowMs: options.now, folders, failures, items, summary: summarize(items) };
}

/** Why a folder cannot be looked into, if it cannot. */
function tryFolder(finder: FileFinder, folder: string): string | undefined {
  try {
    finder.addFolder(folder);
    return undefined;
  } catch (error) {
    return error instanceof SshError ? error.message : describeSystemError(error);
  }
}

async function readFile(file: FoundFile, context: ReaderContext): Promise<Draft[]> {
  const kind = classify(file);
  if (kind === undefined) return [];
  const drafts = await readers[kind](file, context);
  const problem = kind === 'private-key' || kind === 'public-key' ? undefined : judgeListMode(file);
  return problem === undefined ? drafts : [startDraft('file', file, { problems: [problem] }), ...drafts];
}

/** Whoever can write into a list of trusted keys can put their own there. */
function judgeListMode({ stats }: FoundFile): Problem | undefined {
  if ((stats.mode & 0o022) === 0 || process.platform === 'win32') return undefined;
  const message = `others can write it (mode ${formatMode(stats.mode)}); chmod go-w`;
  return { level: 'error', code: 'writable-by-others', message };
}

function judgeFolder({ path, stats }: FoundFolder): Draft[] {
  // In a folder with the sticky bit nobody can replace the files of others.
  if ((stats.mode & 0o022) === 0 || (stats.mode & 0o1000) !== 0 || process.platform === 'win32') return [];
  const message = `others can put files there or replace them (mode ${formatMode(stats.mode)}); chmod go-w`;
  const problem: Problem = { level: 'error', code: 'writable-by-others', message };
  return [startDraft('folder', { path, stats, identity: path }, { problems: [problem] })];
}

function startUnread({ path, stats, reason, code }: FileFinder['unread'][number]): Draft {
  const problem: Problem = { level: 'warning', code, message: `it was not read: ${reason}` };
  return startDraft('file', { path, stats, identity: path }, { problems: [problem] });
}

/** A key in someone's folder that belongs to another account: that account can change it. */
function addOwners(drafts: readonly Draft[], { folders }: FileFinder): void {
  if (process.platform === 'win32') return;
  const owners = new Set(folders.map(({ stats }) => stats.uid).concat(0, process.getuid?.() ?? 0));
  const told = new Set<string>();
  for (const draft of drafts) {
    if (owners.has(draft.owner) || told.has(draft.file)) continue;
    told.add(draft.file);
    const message = `it belongs to another account (user id ${draft.owner})`;
    draft.problems.push({ level: 'warning', code: 'foreign-owner', message });
  }
}

const rank = { error: 0, warning: 1, note: 2 } as const;

function finish(draft: Draft): Item {
  const { plainBlob: _plain, authorityBlob: _authority, identity: _identity, ...item } = draft;
  return { ...item, problems: [...item.problems].sort((a, b) => rank[a.level] - rank[b.level]) };
}

function summarize(items: readonly Item[]): Summary {
  const counts: Record<ItemKind, number> = {
    'private-key': 0,
    'public-key': 0,
    certificate: 0,
    'authorized-key': 0,
    'known-host': 0,
    'allowed-signer': 0,
    folder: 0,
    file: 0,
  };
  const levels = { error: 0, warning: 0, note: 0 };
  for (const { kind, problems } of items) {
    counts[kind]++;
    for (const { level } of problems) levels[level]++;
  }
  return { counts, errors: levels.error, warnings: levels.warning, notes: levels.note };
}
