/** The report: aligned, within the terminal's width, painted only where asked, and JSON that reads back. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Inventory, Item } from '../inventory/items.ts';
import { fitWidth, formatRows } from './columns.ts';
import { formatJson } from './json.ts';
import { formatAge, shortType } from './sections.ts';
import { formatTable } from './table-text.ts';

const nowMs = Date.UTC(2030, 0, 1);

function item(facts: Partial<Item>): Item {
  return {
    kind: 'private-key',
    file: '/x/id',
    line: undefined,
    type: 'ssh-ed25519',
    bits: 256,
    fingerprint: 'SHA256:abc',
    comment: '',
    mode: 0o600,
    owner: 1000,
    modifiedMs: nowMs - 3 * 86_400_000,
    encrypted: undefined,
    lastUse: undefined,
    validFromMs: undefined,
    expiresMs: undefined,
    certificate: undefined,
    names: undefined,
    marker: undefined,
    options: undefined,
    trustedIn: [],
    problems: [],
    ...facts,
  };
}

function inventory(items: readonly Item[]): Inventory {
  const counts = { 'private-key': 0, 'public-key': 0, certificate: 0, 'authorized-key': 0, 'known-host': 0 };
  const all = { ...counts, 'allowed-signer': 0, folder: 0, file: 0 };
  for (const { kind } of items) all[kind]++;
  const count = (level: string) =>
    items.flatMap(({ problems }) => problems).filter((each) => each.level === level).length;
  const summary = { counts: all, errors: count('error'), warnings: count('warning'), notes: count('note') };
  return { nowMs, folders: ['/x'], failures: [], items, summary };
}

const plain = { columns: 100, colors: false, all: false, onlyProblems: false };

test('the table is aligned, and what is wrong stands under the row', () => {
  const message = 'no passphrase protects it';
  const text = formatTable(
    inventory([
      item({ comment: 'me@here', encrypted: false, problems: [{ level: 'warning', code: 'unencrypted', message }] }),
      item({ file: '/x/longer-name', type: 'ssh-rsa', bits: 2048, encrypted: true }),
    ]),
    plain,
  );
  assert.equal(
    text,
    `Private keys
  FILE            TYPE      AGE  PASSPHRASE  MODE  LAST USED  COMMENT
  /x/id           ED25519   3d   none        0600  unknown    me@here
      warning: no passphrase protects it
  /x/longer-name  RSA 2048  3d   yes         0600  unknown

2 private keys: 1 warning
`,
  );
});

test('lines fit the terminal, whatever is in them', () => {
  const long = 'very long words '.repeat(30);
  const items = [
    item({
      file: `/${'deep/'.repeat(40)}id`,
      comment: long,
      problems: [{ level: 'error', code: 'weak', message: long }],
    }),
    item({ kind: 'authorized-key', line: 3, options: long, comment: long, file: `/${'f'.repeat(200)}` }),
    item({ kind: 'known-host', line: 3, names: long, file: `/${'f'.repeat(200)}` }),
  ];
  for (const columns of [20, 80, 100, 120, 400, undefined]) {
    for (const all of [true, false]) {
      const text = formatTable(inventory(items), { ...plain, columns, all });
      for (const line of text.split('\n')) assert.ok(line.length <= fitWidth(columns), `${columns}: ${line}`);
    }
  }
});

test('what a terminal would obey is escaped, and colours come only where they are asked for', () => {
  const hostile = item({
    comment: 'a\u001b[31mb',
    file: '/x/\u0007bell',
    problems: [{ level: 'error', code: 'weak', message: '\u001b[2J' }],
  });
  assert.doesNotMatch(formatTable(inventory([hostile]), plain), /[\u0000-\u0009\u000b-\u001f]/);
  assert.match(formatTable(inventory([hostile]), { ...plain, colors: true }), /\u001b\[31merror:\u001b\[0m/);
});

test('known_hosts is summed up, and wrong lines are shown', () => {
  const line = (number: number, facts: Partial<Item> = {}): Item =>
    item({ kind: 'known-host', file: '/x/known_hosts', line: number, names: `h${number}`, ...facts });
  const items = [
    line(1),
    line(2, { names: '|1|a|b' }),
    line(3, { marker: 'cert-authority' }),
    line(4, { marker: 'revoked' }),
    line(5, { type: 'ssh-dss', bits: 1024, problems: [{ level: 'error', code: 'weak', message: 'DSA' }] }),
  ];
  const text = formatTable(inventory(items), plain);
  assert.match(text, /\/x\/known_hosts +5 +1 +1 +1 +1 +3d ago +4 ED25519, 1 DSA 1024\n/);
  assert.match(text, /\/x\/known_hosts:5 +DSA 1024/);
  assert.doesNotMatch(text, /known_hosts:1 /);
  assert.match(formatTable(inventory(items), { ...plain, all: true }), /known_hosts:1 /);
});

test('JSON reads back, with a line an item', () => {
  const items = [item({ comment: 'quote " and \n line' }), item({ kind: 'known-host', line: 2, names: 'h' })];
  const text = formatJson(inventory(items));
  const parsed = JSON.parse(text) as { version: number; items: Record<string, unknown>[] };
  assert.equal(parsed.version, 1);
  assert.deepEqual(
    parsed.items.map(({ kind, line, comment }) => [kind, line, comment]),
    [
      ['private-key', undefined, 'quote " and \n line'],
      ['known-host', 2, ''],
    ],
  );
  assert.equal(parsed.items[0]?.ageDays, 3);
  assert.equal(text.split('\n').filter((line) => line.startsWith('    {"kind"')).length, 2);
  assert.deepEqual((JSON.parse(formatJson(inventory([]))) as { items: unknown }).items, []);
});

test('ages, types and columns', () => {
  assert.deepEqual(
    [0, 59e3, 60e3, 3.7e6, 86.4e6, 40 * 86.4e6, 800 * 86.4e6, -5].map((ms) => formatAge(ms)),
    ['now', 'now', '1min', '1h', '1d', '1mo', '2y', 'now'],
  );
  const types = ['ssh-rsa', 'ecdsa-sha2-nistp384', 'sk-ssh-ed25519@openssh.com', 'ssh-ed25519-cert-v01@openssh.com'];
  assert.deepEqual(
    types.map((type) => shortType({ type, bits: 4096 })),
    ['RSA 4096', 'ECDSA 384', 'SK ED25519', 'ED25519'],
  );
  assert.equal(shortType({ type: undefined, bits: undefined }), '?');
  assert.deepEqual(formatRows([], 80), []);
});
