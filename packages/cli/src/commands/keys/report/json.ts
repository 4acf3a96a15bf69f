/** The inventory for programs. The shape is documented in docs/guide/key-inventory.md; fields are added, never changed. */

import type { Inventory, Item } from '../inventory/items.ts';
import { formatMode } from '../inventory/private-keys.ts';

const shapeVersion = 1;

export function formatJson(inventory: Inventory): string {
  const { nowMs, folders, failures, items, summary } = inventory;
  const { counts, errors, warnings, notes } = summary;
  const head = {
    version: shapeVersion,
    at: formatTime(nowMs),
    folders,
    failures,
    summary: { counts, errors, warnings, notes },
  };
  // An item a line: a hundred thousand of them stay readable, for people and for grep.
  const lines = items.map((item) => `    ${JSON.stringify(shapeItem(item, nowMs))}`);
  const list = lines.length === 0 ? '[]' : `[\n${lines.join(',\n')}\n  ]`;
  return `${JSON.stringify(head, undefined, 2).replace(/\n\}$/, '')},\n  "items": ${list}\n}\n`;
}

function shapeItem(item: Item, nowMs: number): object {
  const { certificate, lastUse } = item;
  return {
    kind: item.kind,
    file: item.file,
    line: item.line,
    type: item.type ?? null,
    bits: item.bits ?? null,
    fingerprint: item.fingerprint ?? null,
    comment: item.comment,
    mode: item.owner < 0 ? null : formatMode(item.mode),
    owner: item.owner < 0 ? null : item.owner,
    modified: item.owner < 0 ? null : formatTime(item.modifiedMs),
    ageDays: item.owner < 0 ? null : Math.max(0, Math.floor((nowMs - item.modifiedMs) / 86_400_000)),
    ...(item.kind === 'private-key' && {
      encrypted: item.encrypted ?? null,
      lastUse: lastUse?.state ?? 'unknown',
      lastUsed: lastUse?.atMs === undefined ? null : formatTime(lastUse.atMs),
    }),
    ...(certificate !== undefined && { certificate }),
    names: item.names,
    marker: item.marker,
    options: item.options,
    validFrom: item.validFromMs === undefined ? undefined : formatTime(item.validFromMs),
    expires: item.expiresMs === undefined ? null : formatTime(item.expiresMs),
    trustedIn: item.trustedIn,
    problems: item.problems,
  };
}

function formatTime(ms: number): string {
  return new Date(ms).toISOString();
}
