/** The tables of the report: a row a kind of item, with its columns and which items it shows. */
import { homedir } from 'node:os';
import { formatDay } from '../inventory/draft.ts';
import type { Inventory, Item, ItemKind, ProblemCode } from '../inventory/items.ts';
import { formatMode } from '../inventory/private-keys.ts';

export interface SectionColumn {
  readonly title: string;
  readonly flexible: boolean;
  readonly keepsEnd?: boolean;
  cell(item: Item, inventory: Inventory): string;
}

export interface SectionStyle {
  readonly title: string;
  readonly kinds: readonly ItemKind[];
  readonly columns: readonly SectionColumn[];
  /** Without --all. */
  isShown(item: Item, inventory: Inventory): boolean;
  /** What to say of those that are not shown. */
  readonly hidden?: string;
  /** Notes that the table tells without words. */
  readonly plainNotes?: readonly ProblemCode[];
}

const column = (title: string, cell: SectionColumn['cell'], flexible = false): SectionColumn => ({
  title,
  cell,
  flexible,
});

const file = { ...column('FILE', ({ file: path }) => shortenPath(path), true), keepsEnd: true };
const place = { ...column('LINE', ({ file: path, line }) => `${shortenPath(path)}:${line}`, true), keepsEnd: true };
const type = column('TYPE', (item) => shortType(item));
const age = column('AGE', ({ modifiedMs }, { nowMs }) => formatAge(nowMs - modifiedMs));
const mode = column('MODE', (item) => formatMode(item.mode));
const comment = column('COMMENT', (item) => item.comment, true);
const expires = column('EXPIRES', ({ expiresMs }) => (expiresMs === undefined ? '-' : formatDay(expiresMs)));

const always = (): boolean => true;
const isWrong = ({ problems }: Item): boolean => problems.some(({ level }) => level !== 'note');

export const sections: readonly SectionStyle[] = [
  {
    title: 'Private keys',
    kinds: ['private-key'],
    columns: [
      file,
      type,
      age,
      column('PASSPHRASE', ({ encrypted }) => (encrypted === undefined ? '?' : encrypted ? 'yes' : 'none')),
      mode,
      column('LAST USED', ({ lastUse }, { nowMs }) => {
        if (lastUse?.atMs !== undefined) return formatAge(nowMs - lastUse.atMs, ' ago');
        return lastUse?.state ?? 'unknown';
      }),
      comment,
    ],
    isShown: always,
    plainNotes: ['never-used'],
  },
  {
    title: 'Public keys',
    kinds: ['public-key'],
    columns: [file, type, age, mode, comment],
    isShown: (item) => isWrong(item) || item.problems.some(({ code }) => code === 'no-private-key'),
    hidden: 'beside their private keys',
  },
  {
    title: 'Certificates',
    kinds: ['certificate'],
    columns: [
      file,
      type,
      column('FOR', ({ certificate }) => certificate?.kind ?? '?'),
      expires,
      column('KEY ID', ({ certificate }) => certificate?.keyId ?? '', true),
      column('PRINCIPALS', ({ certificate }) => certificate?.principals.join(',') || '(any)', true),
    ],
    isShown: always,
  },
  {
    title: 'Authorized keys',
    kinds: ['authorized-key'],
    columns: [place, type, expires, comment, column('OPTIONS', ({ options }) => options ?? '', true)],
    isShown: always,
  },
  {
    title: 'Known hosts',
    kinds: ['known-host'],
    columns: [place, type, column('MARKER', ({ marker }) => marker ?? ''), column('HOSTS', nameHosts, true), comment],
    isShown: isWrong,
  },
  {
    title: 'Allowed signers',
    kinds: ['allowed-signer'],
    columns: [place, type, expires, column('PRINCIPALS', ({ names }) => names ?? '', true), comment],
    isShown: always,
  },
  { title: 'Files and folders', kinds: ['folder', 'file'], columns: [], isShown: always },
];

/** What is said of an item in lines of its own. */
export function describeItem({ trustedIn, kind, marker }: Item, _inventory: Inventory): string[] {
  if (kind === 'authorized-key' && marker === 'cert-authority')
    return ['an authority: whoever has its certificates may log in'];
  if (trustedIn.length === 0) return [];
  const shown = trustedIn
    .slice(0, 4)
    .map((each) => `${shortenPath(each.file)}:${each.line}${each.asAuthority ? ' (CA)' : ''}`);
  const more = trustedIn.length > 4 ? ` and ${trustedIn.length - 4} more` : '';
  return [`trusted in ${shown.join(', ')}${more}`];
}

function nameHosts({ names }: Item): string {
  return names?.startsWith('|') ? '(hashed)' : (names ?? '');
}

/** `RSA 3072`, `ED25519`, `ECDSA 256`. */
export function shortType({ type: name, bits }: Pick<Item, 'type' | 'bits'>): string {
  if (name === undefined) return '?';
  const short = name
    .replace(/-cert-v\d\d@openssh\.com$/, '')
    .replace(/@openssh\.com$/, '')
    .replace(/^sk-(?:ssh-)?/, 'SK ')
    .replace(/^ssh-/, '')
    .replace(/ecdsa-sha2-nistp(\d+)/, 'ECDSA $1')
    .replace('dss', 'dsa')
    .toUpperCase();
  return short === 'RSA' || short === 'DSA' ? `${short} ${bits ?? '?'}` : short;
}

export function shortenPath(path: string): string {
  const home = homedir();
  return path.startsWith(`${home}/`) ? `~${path.slice(home.length)}` : path;
}

const units: readonly [ms: number, letter: string][] = [
  [365 * 86_400_000, 'y'],
  [30 * 86_400_000, 'mo'],
  [86_400_000, 'd'],
  [3_600_000, 'h'],
  [60_000, 'min'],
];

export function formatAge(ms: number, suffix = ''): string {
  for (const [unit, letter] of units) if (ms >= unit) return `${Math.floor(ms / unit)}${letter}${suffix}`;
  return 'now';
}
