/** What only the whole tells: where a key is trusted, what is there twice, what does not belong together, what is revoked. */
import type { Draft, Problem, TrustPlace } from './items.ts';

/** Completes the drafts in place. */
export function relate(drafts: readonly Draft[]): void {
  addTrust(drafts);
  addRevocations(drafts);
  addDuplicates(drafts);
  addPartners(drafts);
}

function isLine(draft: Draft): draft is Draft & { kind: TrustPlace['kind']; line: number } {
  return draft.kind === 'authorized-key' || draft.kind === 'known-host' || draft.kind === 'allowed-signer';
}

/** By the key itself, and for certificates by their authority. */
function addTrust(drafts: readonly Draft[]): void {
  const keys = drafts.filter((draft) => !isLine(draft) && draft.plainBlob !== undefined);
  if (keys.length === 0) return;
  const lines = groupBy(drafts.filter(isLine), (line) => (line.marker === 'revoked' ? undefined : line.plainBlob));
  for (const key of keys) {
    for (const line of lines.get(key.plainBlob) ?? []) {
      // Such a line trusts what the key signs, and not the key.
      if (line.marker === 'cert-authority') continue;
      key.trustedIn.push({ kind: line.kind, file: line.file, line: line.line, asAuthority: false });
    }
    if (key.authorityBlob === undefined) continue;
    for (const line of lines.get(key.authorityBlob) ?? []) {
      if (line.marker !== 'cert-authority') continue;
      key.trustedIn.push({ kind: line.kind, file: line.file, line: line.line, asAuthority: true });
    }
  }
}

function addRevocations(drafts: readonly Draft[]): void {
  const revoked = groupBy(
    drafts.filter(({ marker }) => marker === 'revoked'),
    ({ plainBlob }) => plainBlob,
  );
  if (revoked.size === 0) return;
  for (const draft of drafts) {
    if (draft.marker === 'revoked') continue;
    const line = revoked.get(draft.plainBlob)?.[0] ?? revoked.get(draft.authorityBlob)?.[0];
    if (line === undefined || draft.plainBlob === undefined) continue;
    const level = isLine(draft) ? 'warning' : 'error';
    draft.problems.push({ level, code: 'revoked', message: `it is revoked by ${line.file}:${line.line}` });
  }
}

function addDuplicates(drafts: readonly Draft[]): void {
  const copies = groupBy(drafts, duplicateKey);
  for (const group of copies.values()) {
    if (group.length < 2) continue;
    for (const draft of group) {
      const others = group.filter((other) => other !== draft).map(place);
      const shown = others.slice(0, 3).join(', ') + (others.length > 3 ? ` and ${others.length - 3} more` : '');
      draft.problems.push({ level: 'warning', code: 'duplicate', message: `the same is in ${shown}` });
    }
  }
}

/** What must be equal for two items to be one too many; undefined for items that may well be there twice. */
function duplicateKey(draft: Draft): string | undefined {
  const { kind, plainBlob, file, marker = '', names = '' } = draft;
  if (plainBlob === undefined) return undefined;
  switch (kind) {
    case 'private-key':
      return `${kind} ${plainBlob}`;
    case 'public-key':
      return `${kind} ${plainBlob}`;
    // A second line for one key never counts: the first one decides what it may do.
    case 'authorized-key':
      return `${kind} ${file} ${marker} ${plainBlob}`;
    // Hashed names differ by their salt, so nobody can tell.
    case 'known-host':
      return names.startsWith('|') ? undefined : `${kind} ${file} ${marker} ${names} ${plainBlob}`;
    default:
      return undefined;
  }
}

function place({ file, line }: Draft): string {
  return line === undefined ? file : `${file}:${line}`;
}

/** Files that go by one name: key, key.pub, key-cert.pub. */
function addPartners(drafts: readonly Draft[]): void {
  const byFile = new Map(drafts.filter((draft) => !isLine(draft)).map((draft) => [draft.file, draft]));
  const privateBlobs = new Set(drafts.filter(({ kind }) => kind === 'private-key').map(({ plainBlob }) => plainBlob));
  for (const draft of byFile.values()) {
    if (draft.kind === 'private-key') addPublicHalf(draft, byFile);
    else if (draft.kind === 'certificate') addCertificatePartner(draft, byFile, privateBlobs);
    else if (draft.kind === 'public-key') {
      const base = byFile.get(draft.file.replace(/\.pub$/, ''));
      if (base?.kind === 'private-key' || privateBlobs.has(draft.plainBlob)) continue;
      note(draft, 'no-private-key', 'its private key is not here (in an agent, a token, on another machine, or lost)');
    }
  }
}

function addPublicHalf(draft: Draft, byFile: ReadonlyMap<string, Draft>): void {
  const half = byFile.get(`${draft.file}.pub`);
  if (half?.kind !== 'public-key') {
    const remedy = draft.type === undefined ? ', so nobody can tell which key it is' : '';
    note(draft, 'no-public-key', `it has no .pub file beside it${remedy}`);
    return;
  }
  if (draft.plainBlob !== undefined && half.plainBlob !== undefined && draft.plainBlob !== half.plainBlob) {
    const message = `${half.file} is the public half of another key; ssh-keygen -y writes the right one`;
    draft.problems.push({ level: 'error', code: 'public-mismatch', message });
    half.problems.push({
      level: 'error',
      code: 'public-mismatch',
      message: `it is not the public half of ${draft.file}`,
    });
    return;
  }
  // Of an encrypted key in an old format only its .pub file tells anything.
  Object.assign(draft, {
    type: draft.type ?? half.type,
    bits: draft.bits ?? half.bits,
    fingerprint: draft.fingerprint ?? half.fingerprint,
    comment: draft.comment || half.comment,
    ...(draft.plainBlob === undefined && { plainBlob: half.plainBlob, trustedIn: half.trustedIn }),
  });
}

function addCertificatePartner(
  draft: Draft,
  byFile: ReadonlyMap<string, Draft>,
  privateBlobs: ReadonlySet<string | undefined>,
): void {
  const base = draft.file.replace(/-cert\.pub$/, '');
  const key = base === draft.file ? undefined : (byFile.get(base) ?? byFile.get(`${base}.pub`));
  if (key?.plainBlob !== undefined && key.plainBlob !== draft.plainBlob) {
    const message = `it is not for the key ${key.file}`;
    draft.problems.push({ level: 'error', code: 'certificate-mismatch', message });
  } else if (key === undefined && !privateBlobs.has(draft.plainBlob)) {
    note(draft, 'no-private-key', 'the key that it is for is not here');
  }
}

function note(draft: Draft, code: Problem['code'], message: string): void {
  draft.problems.push({ level: 'note', code, message });
}

/** Items without a key are left out. */
function groupBy<T>(items: readonly T[], keyOf: (item: T) => string | undefined): Map<string | undefined, T[]> {
  const groups = new Map<string | undefined, T[]>();
  for (const item of items) {
    const key = keyOf(item);
    if (key === undefined) continue;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [item]);
    else group.push(item);
  }
  return groups;
}
