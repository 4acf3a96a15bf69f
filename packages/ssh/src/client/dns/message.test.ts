import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { SshError } from '../../errors.ts';
import { type DnsQuery, decodeSshfpAnswer, encodeSshfpQuery, parseDnsName } from './message.ts';

const query: DnsQuery = { id: 0x1234, labels: parseDnsName('host.example.com') ?? [] };
const hex = (text: string) => Buffer.from(text.replace(/\s+/g, ''), 'hex');
const sha256 = '11'.repeat(32);
/** host.example.com, SSHFP, IN. */
const question = '04686f7374076578616d706c6503636f6d00 002c 0001';
/** Behind a pointer to the question's name. */
const record = (data: string, owner = 'c00c', type = '002c', recordClass = '0001') =>
  `${owner} ${type} ${recordClass} 00000e10 ${(data.replace(/\s+/g, '').length / 2).toString(16).padStart(4, '0')} ${data}`;
const message = (flags: string, counts: string, rest: string) => hex(`1234 ${flags} ${counts} ${rest}`);
const answer = (...records: string[]) =>
  message('81a0', `0001 ${records.length.toString(16).padStart(4, '0')} 0000 0000`, question + records.join(''));

test('a question: recursion, DNSSEC wanted, one name, EDNS', () => {
  assert.equal(
    encodeSshfpQuery(query).toString('hex'),
    hex(`1234 0120 0001 0000 0000 0001 ${question} 00 0029 04d0 0000 8000 0000`).toString('hex'),
  );
});

test('names: what DNS can hold, and nothing else', () => {
  assert.deepEqual(parseDnsName('a.b.')?.map(String), ['a', 'b']);
  assert.ok(parseDnsName(`${'a'.repeat(63)}.b`));
  for (const name of [
    '',
    '.',
    'a..b',
    '.a',
    `${'a'.repeat(64)}.b`,
    `${'abc.'.repeat(70)}d`,
    'a b',
    'a\\.b',
    'ä',
    'a/b',
  ]) {
    assert.equal(parseDnsName(name), undefined, name);
  }
});

test('an answer: records, the word on DNSSEC, code and truncation', () => {
  const found = decodeSshfpAnswer(answer(record(`04 02 ${sha256}`), record(`01 01 ${'22'.repeat(20)}`)), query);
  assert.deepEqual(found, {
    truncated: false,
    responseCode: 0,
    authentic: true,
    records: [
      { algorithm: 4, hashType: 2, fingerprint: Buffer.alloc(32, 0x11) },
      { algorithm: 1, hashType: 1, fingerprint: Buffer.alloc(20, 0x22) },
    ],
  });
  const flags = (text: string) => decodeSshfpAnswer(message(text, '0001 0000 0000 0000', question), query);
  assert.equal(flags('8180')?.authentic, false);
  assert.equal(flags('8380')?.truncated, true);
  assert.equal(flags('81a3')?.responseCode, 3);
  assert.deepEqual(flags('81a2')?.records, []);
  // What stands in a cut or failed answer is not looked at.
  assert.deepEqual(decodeSshfpAnswer(message('8380', '0001 0005 0000 0000', question), query)?.records, []);
});

test('records of other names, classes and types, and broken ones, do not count; aliases are followed', () => {
  const good = record(`04 02 ${sha256}`);
  for (const other of [
    record(`04 02 ${sha256}`, '05 6f74686572 c011'),
    record(`04 02 ${sha256}`, 'c00c', '002c', '0003'),
    record(`04 02 ${sha256}`, 'c00c', '0010'),
    record(`04 02 ${sha256.slice(2)}`),
    record('04 02'),
    record('04'),
    record(''),
  ]) {
    assert.equal(decodeSshfpAnswer(answer(other, good), query)?.records.length, 1, other);
  }
  // host.example.com is an alias of box.example.com, which is one of BOX.example.com's other spelling.
  const alias = record('03 626f78 c011', 'c00c', '0005');
  assert.equal(decodeSshfpAnswer(answer(alias, record(`04 02 ${sha256}`, '03 424f58 c011')), query)?.records.length, 1);
  const circle = record('c00c', 'c00c', '0005');
  assert.equal(decodeSshfpAnswer(answer(circle, good), query)?.records.length, 1);
});

test('a message that answers another question is none', () => {
  const good = answer(record(`04 02 ${sha256}`));
  const changed = (at: number, byte: number) => {
    const bytes = Buffer.from(good);
    bytes[at] = byte;
    return bytes;
  };
  const capital = changed(13, 0x48);
  assert.equal(decodeSshfpAnswer(capital, query)?.records.length, 1, 'capital letters are the same name');
  for (const [what, bytes] of [
    ['id', changed(1, 0x35)],
    ['a question', changed(2, 0x01)],
    ['an opcode', changed(2, 0x89)],
    ['no question', changed(5, 0)],
    ['two questions', changed(5, 2)],
    ['a name', changed(13, 0x69)],
    ['a type', changed(31, 0x01)],
    ['a class', changed(33, 0x03)],
    ['nothing', Buffer.alloc(0)],
    ['a head cut short', good.subarray(0, 11)],
  ] as const) {
    assert.equal(decodeSshfpAnswer(bytes, query), undefined, what);
  }
});

test('broken answers are errors: cut short, pointers that go round, lengths that lie', () => {
  const good = answer(record(`04 02 ${sha256}`));
  for (let length = 12; length < good.length; length++) {
    assert.throws(() => decodeSshfpAnswer(good.subarray(0, length), query), { code: 'bad-message' }, `${length} bytes`);
  }
  const self = 12 + hex(question).length;
  for (const text of [
    record(`04 02 ${sha256}`, `c0${self.toString(16)}`),
    record(`04 02 ${sha256}`, 'c0ff'),
    record(`04 02 ${sha256}`, '80 00'),
    record(`04 02 ${sha256}`, `${'01 61'.repeat(128)} 00`),
    record('03 626f78 c011 00', 'c00c', '0005'),
  ]) {
    assert.throws(() => decodeSshfpAnswer(answer(text), query), { code: 'bad-message' }, text);
  }
  assert.throws(() => decodeSshfpAnswer(message('81a0', '0001 ffff 0000 0000', question), query), {
    code: 'bad-message',
  });
});

test('any bytes give an answer, none, or an SshError', () => {
  const good = answer(record(`04 02 ${sha256}`), record('03 626f78 c011', 'c00c', '0005'));
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), { maxLength: 6 }), (changes) => {
      const bytes = Buffer.from(good);
      for (const [at, byte] of changes) bytes[at] = byte;
      try {
        decodeSshfpAnswer(bytes, query);
      } catch (error) {
        assert.ok(error instanceof SshError);
      }
    }),
    { numRuns: 1000 },
  );
});
