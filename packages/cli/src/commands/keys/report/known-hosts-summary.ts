/** known_hosts in a line a file: nobody reads a hundred thousand. */
import { sanitize } from '../../../terminal/sanitize.ts';
import type { Inventory, Item } from '../inventory/items.ts';
import type { Column } from './columns.ts';
import { formatAge, shortenPath, shortType } from './sections.ts';

interface Totals {
  lines: number;
  hashed: number;
  authorities: number;
  revoked: number;
  wrong: number;
  readonly modifiedMs: number;
  readonly types: Map<string, number>;
}

export function summarizeKnownHosts(items: readonly Item[], { nowMs }: Inventory): Column[] {
  const files = new Map<string, Totals>();
  for (const item of items) {
    let totals = files.get(item.file);
    if (totals === undefined) {
      const { modifiedMs } = item;
      totals = { lines: 0, hashed: 0, authorities: 0, revoked: 0, wrong: 0, modifiedMs, types: new Map() };
      files.set(item.file, totals);
    }
    add(totals, item);
  }
  const rows = [...files];
  const column = (title: string, cell: (totals: Totals) => string, flexible = false): Column => ({
    title,
    flexible,
    cells: rows.map(([, totals]) => cell(totals)),
  });
  if (rows.length === 0) return [];
  return [
    { title: 'FILE', flexible: true, keepsEnd: true, cells: rows.map(([file]) => sanitize(shortenPath(file))) },
    column('LINES', ({ lines }) => String(lines)),
    column('HASHED', ({ hashed }) => String(hashed)),
    column('CA', ({ authorities }) => String(authorities)),
    column('REVOKED', ({ revoked }) => String(revoked)),
    column('WRONG', ({ wrong }) => String(wrong)),
    column('CHANGED', ({ modifiedMs }) => formatAge(nowMs - modifiedMs, ' ago')),
    column('TYPES', ({ types }) => formatTypes(types), true),
  ];
}

function add(totals: Totals, item: Item): void {
  totals.lines++;
  if (item.names?.startsWith('|')) totals.hashed++;
  if (item.marker === 'cert-authority') totals.authorities++;
  if (item.marker === 'revoked') totals.revoked++;
  if (item.problems.some(({ level }) => level !== 'note')) totals.wrong++;
  const type = shortType(item);
  totals.types.set(type, (totals.types.get(type) ?? 0) + 1);
}

function formatTypes(types: ReadonlyMap<string, number>): string {
  return [...types]
    .sort(([, one], [, other]) => other - one)
    .map(([type, count]) => `${count} ${type}`)
    .join(', ');
}
