/** Edits of known_hosts: what they change, and that they change nothing else. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { findHostLines, formatHashedHost, hashHosts, removeHost } from './edit-known-hosts.ts';
import { publicKeyTexts } from './fixtures.test.data.ts';
import { readKnownHostsLine } from './known-hosts-line.ts';

const { alice, host: key, rsa, ca } = publicKeyTexts;

test('finding tells of markers, and of hashed names as typed where that is asked for', () => {
  const text = `# a\na ${key}\n@revoked a ${rsa}\n@cert-authority * ${ca}\n${formatHashedHost('a')} ${key} why\na nokey\n`;
  assert.deepEqual(
    findHostLines(text, 'A').map(({ line, marker, key: rest }) => [line, marker, rest]),
    [
      [2, undefined, key],
      [3, 'revoked', rsa],
      [4, 'cert-authority', ca],
      [5, undefined, `${key} why`],
    ],
  );
  assert.deepEqual(
    findHostLines(text, 'A', { hashedAsTyped: true }).map(({ line }) => line),
    [2, 3, 4],
  );
});

test('removing keeps every other line as it is, and names those that cannot be read', () => {
  const text = `a ${key}\r\n  b,a ${rsa} both \n@revoked a ${rsa}\n|1|x|y ${key}\n\n*.c ${key}\nnothing\na ${alice}`;
  const { text: left, removed, invalid } = removeHost(text, 'a');
  assert.equal(left, `@revoked a ${rsa}\n|1|x|y ${key}\n\n*.c ${key}\nnothing\n`);
  assert.deepEqual(
    [removed.map(({ line }) => line), invalid.map(({ line }) => line)],
    [
      [1, 2, 8],
      [4, 7],
    ],
  );
  assert.equal(removeHost(text, 'x.c').text, text.replace(`*.c ${key}\n`, ''));
});

test('hashing makes a line of each name, and leaves the rest', () => {
  const hidden = formatHashedHost('z');
  const text = `# note\nA,b  ${key} who\n*.c,d ${key}\n@revoked e ${key}\n${hidden} ${key}\n\nx,,y ${rsa}\r\n, ${rsa}\nlast ${key}`;
  const result = hashHosts(text);
  const lines = result.text.split('\n');
  assert.equal(result.hashedCount, 5);
  assert.deepEqual(
    lines.map((line) => line.replace(/^\|1\|\S+/, 'hash')),
    [
      '# note',
      `hash ${key} who`,
      `hash ${key} who`,
      `*.c,d ${key}`,
      `@revoked e ${key}`,
      `hash ${key}`,
      '',
      `hash ${rsa}\r`,
      `hash ${rsa}\r`,
      `, ${rsa}`,
      `hash ${key}`,
    ],
  );
  assert.equal(lines[5], `${hidden} ${key}`);
  for (const name of ['a', 'b', 'x', 'y', 'last']) assert.equal(findHostLines(result.text, name).length, 1, name);
  assert.deepEqual(
    result.wildcards.map(({ line }) => line),
    [3],
  );
  assert.deepEqual(hashHosts(result.text).hashedCount, 0);
});

test('edits of any text leave the lines alone that they are not about', () => {
  const unit = fc.constantFrom(
    'a',
    'b',
    ',',
    ' ',
    '\t',
    '\n',
    '\r\n',
    '#',
    '*',
    '|1|',
    '@revoked ',
    ` ${key}\n`,
    ` ${rsa}`,
  );
  fc.assert(
    fc.property(fc.string({ unit, maxLength: 40 }), (text) => {
      const lines = text.split('\n');
      const { text: left, removed } = removeHost(text, 'a');
      const gone = new Set(removed.map(({ line }) => line));
      assert.equal(
        left.split('\n').filter(Boolean).join('\n'),
        lines.filter((line, i) => !gone.has(i + 1) && line).join('\n'),
      );
      assert.equal(removeHost(left, 'a').removed.length, 0);
      const hashed = hashHosts(text);
      const same = (line: string) => {
        const { kind, marker, hosts } = readKnownHostsLine(line, 1);
        return kind !== 'entry' || marker !== undefined || /[*?!]/.test(hosts);
      };
      assert.deepEqual(hashed.text.split('\n').filter(same), lines.filter(same));
      const plain = findHostLines(text, 'a').filter(
        ({ marker, hosts }) => marker === undefined && !/[*?!]/.test(hosts),
      );
      const found = findHostLines(hashed.text, 'a').filter(
        ({ marker, hosts }) => marker === undefined && hosts.startsWith('|'),
      );
      assert.ok(found.length >= plain.length);
    }),
  );
});

test('lines as OpenSSH takes them apart', () => {
  const read = (text: string) => {
    const { kind, marker, hosts, key: rest } = readKnownHostsLine(text, 1);
    return [kind, marker, hosts, rest];
  };
  assert.deepEqual(read(`  a,b \t ${key} c `), ['entry', undefined, 'a,b', `${key} c `]);
  assert.deepEqual(read(`@revoked \ta ${key}`), ['entry', 'revoked', 'a', key]);
  assert.deepEqual(read(' \t# a'), ['comment', undefined, '', '']);
  for (const text of [
    '@revoked',
    `@revoked\ta ${key}`,
    `@revoked @revoked a ${key}`,
    'a',
    'a ssh-rsa',
    'a ssh-rsa #x',
    '\r',
  ]) {
    assert.equal(read(text)[0], 'invalid', JSON.stringify(text));
  }
});
