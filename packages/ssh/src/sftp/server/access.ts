/** Which requests may be at work together: the results are those of one request after the other (draft §6.1). */

/** What a request touches. `names`: the tree; `attributes`: a file by its path; `file`: an open file, or a part of it. */
export type Access =
  | { readonly scope: 'nothing' }
  | { readonly scope: 'names' | 'attributes'; readonly changes: boolean }
  | {
      readonly scope: 'file';
      readonly changes: boolean;
      /** Equal for all handles of a file. */
      readonly file: unknown;
      readonly from: number;
      readonly to: number;
    };

export const nothing: Access = { scope: 'nothing' };
export const readsNames: Access = { scope: 'names', changes: false };
export const changesNames: Access = { scope: 'names', changes: true };
export const readsAttributes: Access = { scope: 'attributes', changes: false };
export const changesAttributes: Access = { scope: 'attributes', changes: true };

/** Access to an open file, by default to all of it. */
export function fileAccess(file: unknown, changes: boolean, from = 0, to = Number.POSITIVE_INFINITY): Access {
  return { scope: 'file', changes, file, from, to };
}

/** Whether the order of two requests shows in their results; a request may touch several things. */
export function conflicts(a: Access | readonly Access[], b: Access | readonly Access[]): boolean {
  if (isList(a)) return a.some((one) => conflicts(one, b));
  if (isList(b)) return b.some((one) => conflicts(a, one));
  return conflictsOne(a, b);
}

function isList(access: Access | readonly Access[]): access is readonly Access[] {
  return Array.isArray(access);
}

function conflictsOne(a: Access, b: Access): boolean {
  if (a.scope === 'nothing' || b.scope === 'nothing') return false;
  if (!a.changes && !b.changes) return false;
  if (a.scope === 'file' && b.scope === 'file') {
    if (a.file !== b.file) return false;
    if (a.changes && b.changes) return a.from < b.to && b.from < a.to;
    // A write behind the end fills what lies before it with zeros, so it shows in reads of lower offsets.
    const [change, reading] = a.changes ? [a, b] : [b, a];
    return reading.from < change.to;
  }
  // An open file stays what it is when its name changes. Its size and times are seen, and set, by its path as well.
  if (a.scope === 'file') return b.scope === 'attributes';
  if (b.scope === 'file') return a.scope === 'attributes';
  return true;
}
