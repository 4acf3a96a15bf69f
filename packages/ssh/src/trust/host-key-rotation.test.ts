import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { generateKey } from '../keys/index.ts';
import type { PublicKey } from '../keys/types.ts';
import { addHost } from './edit-known-hosts.ts';
import { planRotation, type RotationNames, rotateHostKeys } from './host-key-rotation.ts';
import { parseKnownHosts } from './known-hosts.ts';

const [one, two, old] = await Promise.all(['ssh-ed25519', 'ecdsa-sha2-nistp256', 'ssh-ed25519'].map(makeKey));
const names: RotationNames = { host: { host: 'box', port: 22 } };
const both: RotationNames = { ...names, address: { host: '192.0.2.1', port: 22 } };
const line = (hosts: string, key: PublicKey | undefined) => `${hosts} ${key?.type} ${key?.blob.toString('base64')}\n`;
const announced = [one, two] as PublicKey[];

async function makeKey(type: string): Promise<PublicKey> {
  return (await generateKey(type)).publicKey;
}

function plan(text: string, of: RotationNames = names, keys = announced) {
  return planRotation([parseKnownHosts(text, { name: 'file' })], of, keys);
}

function rotate(text: string, of: RotationNames = names, hashed = false) {
  return rotateHostKeys(text, of, announced, { name: 'file', hashed });
}

test('new keys are those that no line of the name holds, old ones those that only lines hold', () => {
  const found = plan(`${line('box', one)}${line('box', old)}# ${line('box', two)}`);
  assert.ok(found.status === 'update');
  assert.deepEqual(found.newKeys, [two]);
  assert.deepEqual(
    found.oldKeys.map((key) => key.blob),
    [old?.blob],
  );
  assert.equal(plan(line('box', one) + line('box', two)).status, 'unchanged');
});

test('lines that say more than one name and one key leave the files alone', () => {
  const known = line('box', one);
  for (const [text, obstacle, number] of [
    [line('b?x', one), 'complex-line', 1],
    [known + line('*', old), 'complex-line', 2],
    [line('a,box,c', one), 'complex-line', 1],
    [`${known}@revoked ${line('box', old)}`, 'complex-line', 2],
    [`${known}@cert-authority ${line('*', old)}`, 'complex-line', 2],
    [known + line('other', two), 'other-name', 2],
    [`${known}@revoked ${line('other', two)}`, 'other-name', 2],
    [known + line('box', old) + line('other', old), 'old-key-elsewhere', 3],
  ] as const) {
    const found = plan(text);
    assert.ok(found.status === 'left-alone', text);
    assert.deepEqual([found.obstacle, found.line.line], [obstacle, number], text);
  }
});

test('a name and its address that stand with others leave the files alone', () => {
  for (const text of [line('other,192.0.2.1', one), line('192.0.2.1', one) + line('box,192.0.2.9', one)]) {
    const found = plan(text, both);
    assert.ok(found.status === 'left-alone' && found.obstacle === 'other-name', text);
  }
  assert.equal(plan(line('box,192.0.2.1', one), both).status, 'update');
});

test('lines of markers, of other names and broken ones stay, and an absent name or address is added', () => {
  const kept = `# c\n@revoked ${line('box', old)}${line('other', old)}box ssh-ed25519 AAAA\nbox\n`;
  assert.equal(rotate(line('box', old) + kept).text, kept + line('box', one) + line('box', two));
  const { text, changes } = rotate(line('box', one) + line('192.0.2.1', two), both);
  assert.equal(text, line('box', one) + line('192.0.2.1', two) + line('192.0.2.1', one) + line('box', two));
  assert.deepEqual(
    changes.map(({ kind }) => kind),
    ['address-added', 'host-added'],
  );
  assert.equal(rotate('', both).text, line('box,192.0.2.1', one) + line('box,192.0.2.1', two));
  assert.equal(rotate('', both, true).text.match(/^\|1\|/gm)?.length, 4);
});

test('any other file keeps its lines, and once changed it needs no further change', () => {
  const word = fc.constantFrom('box', 'other', 'box,other', '*', '|1|x', '#', '@revoked', '', '\t', 'caf\u00e9', '\r');
  const aLine = fc.oneof(
    fc.array(word, { maxLength: 4 }).map((words) => words.join(' ')),
    fc
      .constantFrom(line('box', old), line('other', old), line('box', one), line('192.0.2.1', two))
      .map((l) => l.trim()),
  );
  const file = fc
    .tuple(fc.array(aLine, { maxLength: 8 }), fc.constantFrom('', '\n'))
    .map(([l, end]) => l.join('\n') + end);
  fc.assert(
    fc.property(file, fc.boolean(), fc.boolean(), (text, hashed, withAddress) => {
      const of = withAddress ? both : names;
      const after = rotate(text, of, hashed);
      const again = rotate(after.text, of, hashed);
      assert.deepEqual([again.text, again.changes], [after.text, []]);
      const removed = new Set(after.changes.flatMap((change) => change.line ?? []));
      const kept = text.split('\n').filter((_, index) => !removed.has(index + 1));
      assert.ok(after.text.startsWith(kept.join('\n')), 'what is kept comes first, as it was');
      const check = parseKnownHosts(after.text, { name: 'file' }).find('box');
      for (const key of announced) assert.ok(check.some((entry) => entry.blob.equals(key.blob)));
      assert.ok(!check.some((entry) => entry.marker === undefined && old && entry.blob.equals(old.blob)));
    }),
    { numRuns: 300 },
  );
});

test('a name that cannot stand in a line is not written', () => {
  for (const host of ['a b', 'a,b', '*', '@revoked', 'a\nb']) {
    assert.throws(() => rotate('', { host: { host, port: 22 } }), { code: 'misuse' });
    assert.throws(() => addHost('', { host: 'box', port: 22, key: one as PublicKey, also: { host, port: 22 } }), {
      code: 'misuse',
    });
  }
});
