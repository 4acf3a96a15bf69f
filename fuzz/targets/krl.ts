/** Revoked keys: lists and texts. What is read is found, listed and written again. */
import { readdirSync, readFileSync } from 'node:fs';
import { decodePublicKey, type PublicKey } from '@nacre/ssh/keys';
import {
  isKeyRevocationList,
  type KeyRevocationList,
  parseRevocationList,
  RevocationListDraft,
  readKeyRevocationList,
} from '@nacre/ssh/trust/revocation-list';
import { knownKey } from '../known-key.ts';
import type { FuzzTarget } from '../target.ts';

/** The built target lies in build/fuzz/targets. */
const vectors = new URL('../../../test/vectors/keys/', import.meta.url);
const publicLines = readdirSync(vectors)
  .filter((name) => name.endsWith('.pub'))
  .sort((a, b) => (a < b ? -1 : 1))
  .map((name) => readFileSync(new URL(name, vectors), 'utf8').trim());
const key = knownKey.publicKey;

function draftOf(fill: (draft: RevocationListDraft) => void): Buffer {
  const draft = new RevocationListDraft();
  fill(draft);
  return draft.encode({ generatedAt: 1_700_000_000n });
}

/** A certificate that says whatever a list may revoke; nobody signed it. */
function certificateWith(serial: bigint, keyId: string, signatureKey: PublicKey): PublicKey {
  const empty = Buffer.alloc(0);
  const fields = { type: key.type, blob: empty, nonce: empty, subject: key, kind: 'user' as const, principals: [] };
  const validity = { validAfter: 0n, validBefore: 0n, criticalOptions: new Map(), extensions: new Map() };
  const rest = { reserved: empty, signature: empty, signedBytes: empty };
  const certificate = { ...fields, ...validity, ...rest, serial, keyId, signatureKey };
  const { type, blob, signatureAlgorithms, bits } = key;
  return { type, blob, signatureAlgorithms, bits, plain: key, certificate, verify: () => false, equals: () => false };
}

/** More would make a run slow without making it better. */
const mostAsked = 200;

export const krl: FuzzTarget = {
  name: 'krl',
  seeds: [
    draftOf(() => {}),
    draftOf((draft) => {
      draft.comment = 'comment';
      draft.revoke(key);
      draft.revokeKeyHash('sha1', Buffer.alloc(20, 1));
      draft.revokeKeyHash('sha256', Buffer.alloc(32, 2));
      draft.revokeKeyHash('sha256', Buffer.alloc(32, 3));
    }),
    draftOf((draft) => {
      draft.revokeSerials(key, 5n);
      draft.revokeSerials(key, 1_000_000n, 2_000_000n);
      draft.revokeSerials(key, 2n ** 63n);
      for (let serial = 10_000n; serial < 10_200n; serial += 3n) draft.revokeSerials(key, serial);
      draft.revokeKeyId(key, 'id');
      draft.revokeKeyId('any-authority', 'id of any');
      draft.revokeSerials('any-authority', 7n, 2n ** 64n - 1n);
    }),
    Buffer.from(`# text\n${publicLines.join('\n')}\n`),
  ],
  run(input) {
    // A copy: a list refers to its bytes.
    const bytes = Buffer.from(input);
    const revoked = parseRevocationList(bytes, { name: 'file' });
    revoked.revokes(key);
    if (isKeyRevocationList(bytes)) checkList(readKeyRevocationList(bytes, { name: 'file' }));
  },
};

function checkList(list: KeyRevocationList): void {
  checkFound(list);
  // What is written says the same, and once more the same bytes.
  const first = RevocationListDraft.from(list).encode({ generatedAt: list.generatedAt });
  const again = readKeyRevocationList(first);
  if (describe(again) !== describe(list)) throw new Error('written again, the list says something else');
  const second = RevocationListDraft.from(again).encode({ generatedAt: list.generatedAt });
  if (!first.equals(second)) throw new Error('the same list was written in two ways');
}

/** Whatever the list says is found by asking. */
function checkFound(list: KeyRevocationList): void {
  for (const blob of first(list.keys())) {
    const decoded = tryDecode(blob);
    if (decoded !== undefined && list.revokes(decoded) === undefined) throw new Error('a listed key was not found');
  }
  for (const { authority = key, serials, keyIds } of list.certificates()) {
    for (const [from, to] of first(serials())) {
      for (const serial of [from, to]) {
        if (list.revokes(certificateWith(serial, '\0', authority)) === undefined) {
          throw new Error(`serial ${serial} is listed, and was not found`);
        }
      }
    }
    for (const id of first(keyIds())) {
      const text = id.toString('utf8');
      if (!Buffer.from(text).equals(id)) continue;
      if (list.revokes(certificateWith(0n, text, authority)) === undefined) throw new Error('a key id was not found');
    }
  }
}

function tryDecode(blob: Buffer): PublicKey | undefined {
  try {
    const decoded = decodePublicKey(blob);
    return decoded.certificate === undefined ? decoded : undefined;
  } catch {
    return undefined;
  }
}

function* first<T>(values: Iterable<T>): Generator<T> {
  let count = 0;
  for (const value of values) {
    if (count++ === mostAsked) return;
    yield value;
  }
}

/** Everything that a list says, whatever the sections it is said in; authorities of which it says nothing are nobody's. */
function describe(list: KeyRevocationList): string {
  const hex = (values: Iterable<Buffer>) => [...values].map((value) => value.toString('hex'));
  const certificates = [...list.certificates()].map(({ authority, serials, keyIds }) => [
    authority?.blob.toString('hex'),
    [...serials()].map(String),
    hex(keyIds()),
  ]);
  const hashes = [hex(list.keyHashes('sha1')), hex(list.keyHashes('sha256'))];
  return JSON.stringify([
    String(list.version),
    hex([Buffer.from(list.comment)]),
    hex(list.keys()),
    hashes,
    certificates,
  ]);
}
