import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Draft } from './settings.ts';
import { findKeyword, keywords } from './table.ts';
import type { Arguments } from './values.ts';

test('each keyword has one row, found by any case', () => {
  const names = keywords.map((row) => row.name.toLowerCase());
  assert.equal(new Set(names).size, names.length);
  for (const row of keywords) assert.equal(findKeyword(row.name.toUpperCase()), row);
  assert.equal(findKeyword('constructor'), undefined);
  assert.equal(findKeyword('PubkeyAcceptedKeyTypes')?.name, 'PubkeyAcceptedAlgorithms');
});

test('every row that is read takes a sound value and puts it into its own place', () => {
  const samples: Readonly<Record<string, string>> = {
    AddressFamily: 'inet6',
    ConnectionAttempts: '3',
    ConnectTimeout: '5',
    EscapeChar: '^A',
    FingerprintHash: 'md5',
    LogLevel: 'verbose',
    NumberOfPasswordPrompts: '1',
    Port: '2222',
    RekeyLimit: '1G',
    RequestTTY: 'force',
    RequiredRSASize: '3072',
    ServerAliveCountMax: '2',
    ServerAliveInterval: '10',
    SessionType: 'none',
    SetEnv: 'A=b',
    StrictHostKeyChecking: 'accept-new',
    PubkeyAuthentication: 'unbound',
  };
  const draft: Draft = {};
  const given = (keyword: string, word: string): Arguments => {
    return { keyword, words: [word], rest: word, place: { file: 'f', line: 1 } };
  };
  const read = keywords.filter((row) => row.kind === 'read');
  for (const row of read) row.apply(draft, given(row.name, samples[row.name] ?? 'yes'), true);
  assert.equal(Object.keys(draft).length, read.length);
  assert.ok(Object.values(draft).every((value) => value !== undefined));
  const before = { ...draft };
  for (const row of read) row.apply(draft, given(row.name, samples[row.name] ?? 'yes'), false);
  assert.deepEqual(draft, before);
});
