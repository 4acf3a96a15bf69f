/** Key revocation lists, read: every section, every flaw, and what is found. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { hash } from '../../crypto/hash.ts';
import { SshError, type SshErrorCode } from '../../errors.ts';
import { maxRevocationAuthorities, maxRevocationBitmapBytes, maxRevocationListBytes } from '../../limits.ts';
import { certificateTexts } from '../fixtures.test.data.ts';
import { readKeyRevocationList } from './list.ts';
import {
  about,
  alice,
  bitmap,
  bob,
  ca,
  certificateOf,
  extension,
  keyOf,
  listOf,
  otherCa,
  rsa,
  type Section,
  serials,
  strings,
} from './lists.test.kit.ts';

const read = (bytes: Uint8Array) => readKeyRevocationList(bytes, { name: 'krl' });
const readOf = (...sections: readonly Section[]) => read(listOf(sections));
const greatest = 2n ** 64n - 1n;
const none = new Uint8Array();

function isError(code: SshErrorCode, message: RegExp = /^krl: /) {
  return (error: unknown) => {
    assert.ok(error instanceof SshError, String(error));
    assert.deepEqual([error.code, error.stage], [code, 'trust'], error.message);
    assert.match(error.message, message);
    return true;
  };
}

test('the header: version, date, comment; flags and the reserved field are passed over', () => {
  const list = read(listOf([]));
  assert.deepEqual([list.version, list.generatedAt, Buffer.from(list.comment).toString()], [1n, 2n, 'comment']);
  const flagged = listOf([]);
  flagged.fill(0xff, 28, 36);
  assert.equal(read(flagged).version, 1n);
  assert.equal(list.revokes(alice), undefined);
  assert.equal(list.revokes(certificateOf({})), undefined);
});

test('keys are revoked by themselves and by both hashes, and certificates of them and by them', () => {
  const certificate = keyOf(certificateTexts.user);
  const forms: [by: string, Section, Section][] = [
    ['key', [2, strings(bob.blob, alice.blob)], [2, strings(ca.blob)]],
    ['sha1', [3, strings(hash('sha1', alice.blob))], [3, strings(hash('sha1', ca.blob))]],
    ['sha256', [5, strings(hash('sha256', alice.blob))], [5, strings(hash('sha256', ca.blob))]],
  ];
  for (const [by, ofKey, ofAuthority] of forms) {
    const list = readOf(ofKey);
    assert.deepEqual(list.revokes(alice), { by, of: 'key' });
    assert.deepEqual(list.revokes(certificate), { by, of: 'key' });
    assert.equal(list.revokes(rsa), undefined);
    assert.equal(list.revokes(otherCa), undefined);
    assert.deepEqual(readOf(ofAuthority).revokes(certificate), { by, of: 'authority' });
    assert.deepEqual(readOf(ofAuthority).revokes(ca), { by, of: 'key' });
    assert.equal(readOf(ofAuthority).revokes(alice), undefined);
  }
});

test('serials: lists, ranges and bitmaps, in this authority’s sections and in everybody’s', () => {
  const sections: Section[] = [
    [0x20, serials(2n, 5n, 9n)],
    [0x21, serials(20n, 30n)],
    [0x22, bitmap(40n, Buffer.from([0x01, 0x05]))],
    [0x21, serials(greatest - 1n, greatest)],
  ];
  const expected = [2n, 5n, 9n, 20n, 25n, 30n, 40n, 42n, 48n, greatest - 1n, greatest];
  const others = [0n, 1n, 3n, 10n, 19n, 31n, 39n, 41n, 43n, 47n, 49n, 2n ** 32n, 2n ** 32n + 5n, greatest - 2n];
  for (const [authority, isEverybodys] of [
    [ca.blob, false],
    [none, true],
  ] as const) {
    const list = readOf(about(authority, ...sections));
    for (const serial of expected) {
      assert.deepEqual(list.revokes(certificateOf({ serial })), { by: 'serial', of: 'key' }, String(serial));
      const byOther = list.revokes(certificateOf({ serial, authority: otherCa }));
      assert.deepEqual(byOther, isEverybodys ? { by: 'serial', of: 'key' } : undefined);
    }
    for (const serial of others) assert.equal(list.revokes(certificateOf({ serial })), undefined, String(serial));
  }
});

test('key ids, of one authority and of all; several sections of one authority add up', () => {
  const list = readOf(
    about(ca.blob, [0x23, strings('one')]),
    about(none, [0x23, strings('any', '')]),
    about(ca.blob, [0x23, strings('two', 'zwölf')], [0x20, serials(7n)]),
  );
  const find = (keyId: string, authority = ca) => list.revokes(certificateOf({ keyId, authority }))?.by;
  for (const keyId of ['one', 'two', 'zwölf', 'any', '']) assert.equal(find(keyId), 'key-id', keyId);
  for (const keyId of ['on', 'onee', 'three', 'an']) assert.equal(find(keyId), undefined, keyId);
  assert.equal(find('one', otherCa), undefined);
  assert.equal(find('any', otherCa), 'key-id');
  assert.equal(list.revokes(certificateOf({ serial: 7n }))?.by, 'serial');
  assert.deepEqual(
    [...list.certificates()].map(({ authority, serials: ranges, keyIds }) => [
      authority?.blob,
      [...ranges()],
      [...keyIds()].map(String),
    ]),
    [
      [ca.blob, [[7n, 7n]], ['one', 'two', 'zwölf']],
      [undefined, [], ['', 'any']],
    ],
  );
});

test('sections in any order and overlapping say the same as in order', () => {
  const list = readOf(
    about(
      ca.blob,
      [0x20, serials(9n, 5n, 7n, 6n)],
      [0x21, serials(6n, 8n)],
      [0x22, bitmap(1n, Buffer.from([0x07]))],
      [0x20, none],
      [0x21, serials(100n, greatest)],
      [0x21, serials(50n, 200n)],
    ),
    about(ca.blob, [0x20, serials(4n)]),
  );
  const [first] = list.certificates();
  assert.deepEqual(
    [...(first?.serials() ?? [])],
    [
      [1n, 9n],
      [50n, greatest],
    ],
  );
  for (let serial = 0n; serial < 60n; serial++) {
    const isRevoked = (serial >= 1n && serial <= 9n) || serial >= 50n;
    assert.equal(list.revokes(certificateOf({ serial })) !== undefined, isRevoked, String(serial));
  }
});

test('random sections: found is what stands in them, whatever their order', () => {
  const serial = fc.bigInt({ min: 1n, max: 200n });
  const section = fc.oneof(
    fc.array(serial, { maxLength: 8 }).map((values): Section => [0x20, serials(...values)]),
    fc.tuple(serial, serial).map(([a, b]): Section => [0x21, a < b ? serials(a, b) : serials(b, a)]),
    fc.tuple(serial, fc.uint8Array({ minLength: 1, maxLength: 4 })).map(([offset, bits]): Section => {
      return [0x22, bitmap(offset, Buffer.concat([Buffer.alloc(1), bits]))];
    }),
  );
  fc.assert(
    fc.property(fc.array(section, { maxLength: 8 }), (sections) => {
      const model = new Set<bigint>();
      for (const [type, data] of sections) for (const value of expand(type, Buffer.from(data))) model.add(value);
      const list = readOf(about(ca.blob, ...sections));
      for (let value = 0n; value < 260n; value++) {
        assert.equal(list.revokes(certificateOf({ serial: value })) !== undefined, model.has(value), String(value));
      }
      const listed = [...list.certificates()].flatMap(({ serials: ranges }) => [...ranges()]);
      const all = listed.flatMap(([first, last]) => expand(0x21, serials(first, last)));
      assert.deepEqual(
        all,
        [...model].sort((a, b) => Number(a - b)),
      );
      for (let i = 1; i < listed.length; i++) assert.ok((listed[i]?.[0] ?? 0n) > (listed[i - 1]?.[1] ?? 0n) + 1n);
    }),
    { numRuns: 200 },
  );
});

/** What a section says, worked out the plainest way. */
function expand(type: number, data: Buffer): bigint[] {
  if (type === 0x20) return Array.from({ length: data.length / 8 }, (_, i) => data.readBigUInt64BE(i * 8));
  const first = data.readBigUInt64BE(0);
  if (type === 0x21)
    return Array.from({ length: Number(data.readBigUInt64BE(8) - first) + 1 }, (_, i) => first + BigInt(i));
  const bits = BigInt(`0x${data.subarray(12).toString('hex') || '0'}`);
  return Array.from({ length: (data.length - 12) * 8 }, (_, i) => BigInt(i))
    .filter((i) => ((bits >> i) & 1n) === 1n)
    .map((i) => first + i);
}

test('hashes and keys are found among many, in order and out of it, asked once and often', () => {
  const hashes = Array.from({ length: 500 }, (_, i) => hash('sha256', Buffer.from(String(i))));
  const inOrder = [...hashes].sort(Buffer.compare);
  const wanted = hash('sha256', alice.blob);
  for (const many of [hashes, inOrder]) {
    const without = readOf([5, strings(...many)]);
    const having = readOf([5, strings(...many.slice(0, 300))], [5, strings(wanted, ...many)]);
    for (let i = 0; i < 10; i++) {
      assert.equal(without.revokes(alice), undefined);
      assert.equal(having.revokes(alice)?.by, 'sha256');
      assert.equal(having.revokes(bob), undefined);
    }
    assert.deepEqual([...without.keyHashes('sha256')], inOrder);
    assert.deepEqual([...having.keyHashes('sha256')], [wanted, ...inOrder].sort(Buffer.compare));
  }
  const keys = readOf([2, strings(rsa.blob, alice.blob, rsa.blob, '')]);
  assert.deepEqual([...keys.keys()], [Buffer.alloc(0), rsa.blob, alice.blob]);
  for (let i = 0; i < 10; i++) assert.equal(keys.revokes(bob), undefined);
  assert.equal(keys.revokes(rsa)?.by, 'key');
});

test('extensions that are not critical are passed over, also signatures, as OpenSSH does', () => {
  const list = readOf([255, extension('future@example.com', false)], about(ca.blob, [0x39, extension('x', false)]));
  assert.equal(list.revokes(alice), undefined);
  const signature = Buffer.concat([Buffer.from([4]), strings(ca.blob, 'a signature that nobody verifies')]);
  const signed = read(listOf([[2, strings(alice.blob)]], signature));
  assert.equal(signed.revokes(alice)?.by, 'key');
});

test('what is not understood refuses the whole list', () => {
  const unknown: [string, Buffer][] = [
    ['a section', listOf([[9, none]])],
    ['a subsection', listOf([about(ca.blob, [0x24, none])])],
    ['a critical extension', listOf([[255, extension('x', true)]])],
    ['a critical extension about certificates', listOf([about(ca.blob, [0x39, extension('x', true)])])],
  ];
  for (const [what, bytes] of unknown) assert.throws(() => read(bytes), isError('unsupported'), what);
});

test('what is broken refuses the whole list', () => {
  const broken: [string, Buffer][] = [
    ['no magic', Buffer.from('SSHKRL\n')],
    ['nothing after the magic', Buffer.from('SSHKRL\n\0')],
    [
      'another format version',
      (() => {
        const b = listOf([]);
        b[11] = 2;
        return b;
      })(),
    ],
    [
      'NUL in the comment',
      (() => {
        const b = listOf([]);
        b[b.length - 1] = 0;
        return b;
      })(),
    ],
    ['serial 0', listOf([about(ca.blob, [0x20, serials(0n)])])],
    ['serial 0 behind others', listOf([about(ca.blob, [0x20, serials(5n, 0n)])])],
    ['a list of odd length', listOf([about(ca.blob, [0x20, Buffer.alloc(9, 1)])])],
    ['a range from 0', listOf([about(ca.blob, [0x21, serials(0n, 4n)])])],
    ['a range backwards', listOf([about(ca.blob, [0x21, serials(9n, 5n)])])],
    ['a range of three', listOf([about(ca.blob, [0x21, serials(5n, 9n, 10n)])])],
    ['a bitmap cut short', listOf([about(ca.blob, [0x22, serials(5n)])])],
    ['a negative bitmap', listOf([about(ca.blob, [0x22, bitmap(5n, Buffer.from([0x81]))])])],
    ['a bitmap with serial 0', listOf([about(ca.blob, [0x22, bitmap(0n, Buffer.from([1]))])])],
    ['a bitmap past the end', listOf([about(ca.blob, [0x22, bitmap(greatest - 3n, Buffer.from([0x10]))])])],
    [
      'more behind a bitmap',
      listOf([about(ca.blob, [0x22, Buffer.concat([bitmap(5n, Buffer.from([1])), serials(1n)])])]),
    ],
    ['a key id with NUL', listOf([about(ca.blob, [0x23, strings('a\0b')])])],
    ['a key id cut short', listOf([about(ca.blob, [0x23, Buffer.from([0, 0, 0, 9, 1])])])],
    ['a SHA-1 hash of 19 bytes', listOf([[3, strings(Buffer.alloc(19))]])],
    ['a SHA-256 hash of 20 bytes', listOf([[5, strings(Buffer.alloc(20))]])],
    ['an authority that is no key', listOf([about(Buffer.from('junk'))])],
    ['a certificate as authority', listOf([about(keyOf(certificateTexts.user).blob)])],
    ['no authority', listOf([[1, none]])],
    ['bytes behind an extension', listOf([[255, extension('x', false, Buffer.from([1]))]])],
    ['half a section', listOf([], Buffer.from([2, 0, 0]))],
    ['a length of 4 GiB', listOf([], Buffer.from([2, 255, 255, 255, 255]))],
    ['a key without signature', listOf([[4, ca.blob]])],
  ];
  for (const [what, bytes] of broken) assert.throws(() => read(bytes), isError('bad-file'), what);
});

test('a bitmap may begin with zeros, be empty, or hold serial 0’s place unset', () => {
  const list = readOf(
    about(ca.blob, [0x22, bitmap(0n, Buffer.from([2]))], [0x22, bitmap(5n, Buffer.from([0, 0, 1]))]),
    about(ca.blob, [0x22, bitmap(9n, none)], [0x22, bitmap(greatest - 3n, Buffer.from([8]))]),
  );
  const [first] = list.certificates();
  assert.deepEqual(
    [...(first?.serials() ?? [])],
    [
      [1n, 1n],
      [5n, 5n],
      [greatest, greatest],
    ],
  );
});

test('giants are refused before anything is made of them', () => {
  const long = bitmap(5n, Buffer.concat([Buffer.from([0, 1]), Buffer.alloc(maxRevocationBitmapBytes - 1)]));
  assert.throws(() => readOf(about(ca.blob, [0x22, long])), isError('limit-exceeded', /bitmap/));
  const most = bitmap(5n, Buffer.concat([Buffer.from([0, 0x80]), Buffer.alloc(maxRevocationBitmapBytes - 2)]));
  const list = readOf(about(ca.blob, [0x22, most]));
  assert.equal(list.revokes(certificateOf({ serial: 2n ** 24n + 4n }))?.by, 'serial');
  const tooLong = Buffer.alloc(maxRevocationListBytes + 1);
  assert.throws(() => read(tooLong), isError('limit-exceeded'));
  // Every second bit, and a serial out of order, so that they have to be sorted: eight million ranges.
  const dense = bitmap(10n, Buffer.alloc(2 ** 20, 0x55));
  const other = bitmap(2n ** 40n, Buffer.alloc(2 ** 20, 0x55));
  assert.throws(
    () => readOf(about(ca.blob, [0x22, dense], [0x22, other], [0x20, serials(1n)])),
    isError('limit-exceeded', /ranges/),
  );
});

test('no more authorities than a list may have', () => {
  const sections: Section[] = [];
  for (let i = 0; i <= maxRevocationAuthorities; i++) {
    const blob = Buffer.from(alice.blob);
    blob.writeUInt32BE(i, blob.length - 4);
    sections.push(about(blob, [0x20, serials(1n)]));
  }
  assert.throws(() => readOf(...sections), isError('limit-exceeded', /authorities/));
  assert.equal([...readOf(...sections.slice(1)).certificates()].length, maxRevocationAuthorities);
});

test('cut anywhere and changed anywhere, a list is read or refused with an SshError', () => {
  const whole = listOf([
    about(ca.blob, [0x20, serials(2n, 9n)], [0x21, serials(20n, 30n)], [0x22, bitmap(40n, Buffer.from([5]))]),
    about(none, [0x23, strings('id')], [0x39, extension('x', false)]),
    [2, strings(alice.blob)],
    [3, strings(Buffer.alloc(20))],
    [5, strings(Buffer.alloc(32))],
    [255, extension('y', false)],
  ]);
  const attempt = (bytes: Buffer) => {
    try {
      const list = read(bytes);
      list.revokes(certificateOf({ serial: 25n }));
      for (const { serials: ranges, keyIds } of list.certificates()) void [...ranges(), ...keyIds()];
      return true;
    } catch (error) {
      assert.ok(error instanceof SshError, String(error));
      return false;
    }
  };
  let accepted = 0;
  for (let length = 0; length < whole.length; length++) if (attempt(whole.subarray(0, length))) accepted++;
  // Only where a section ends may the file end as well.
  assert.equal(accepted, 6);
  for (let at = 0; at < whole.length; at++) {
    for (const bit of [1, 0x80]) {
      const changed = Buffer.from(whole);
      changed[at] = (changed[at] as number) ^ bit;
      attempt(changed);
    }
  }
});

test('a hundred thousand serials and ten thousand hashes are read and asked in a moment', () => {
  const values = Array.from({ length: 100_000 }, (_, i) => BigInt(i + 1) * 1_000_003n);
  const hashes = Array.from({ length: 10_000 }, (_, i) => hash('sha256', Buffer.from(String(i))));
  const bytes = listOf([about(ca.blob, [0x20, serials(...values)]), [5, strings(...hashes)]]);
  const start = performance.now();
  const list = read(bytes);
  for (let i = 0; i < 1000; i++) {
    const serial = values[i * 97] as bigint;
    assert.equal(list.revokes(certificateOf({ serial }))?.by, 'serial');
    assert.equal(list.revokes(certificateOf({ serial: serial + 1n })), undefined);
  }
  const took = performance.now() - start;
  assert.ok(took < 1000, `${took} ms`);
});
