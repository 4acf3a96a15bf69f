/** Patterns: wildcards, negation, time. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { SshError } from '../errors.ts';
import { maxPatternBytes } from '../limits.ts';
import { matchHostPatternList, matchPattern, matchPatternList } from './patterns.ts';

test('wildcards match as in ssh_config(5)', () => {
  const rows: [string, string, boolean][] = [
    ['', '', true],
    ['', '*', true],
    ['', '?', false],
    ['a', '?', true],
    ['ab', '?', false],
    ['www.example.com', '*.example.com', true],
    ['example.com', '*.example.com', false],
    ['192.168.0.7', '192.168.0.?', true],
    ['192.168.0.17', '192.168.0.?', false],
    ['aXbXc', 'a*b*c', true],
    ['aab', '*ab', true],
    ['a.b', 'a[.]b', false],
    ['[host]:22', '[host]:22', true],
    ['a*b', 'a*b', true],
    ['abc', 'a**c', true],
    ['Host', 'host', false],
  ];
  for (const [text, pattern, expected] of rows)
    assert.equal(matchPattern(text, pattern), expected, `${text} ~ ${pattern}`);
});

test('a pattern agrees with a reference matcher', () => {
  const reference = (text: string, pattern: string): boolean => {
    if (pattern === '') return text === '';
    if (pattern[0] === '*')
      return reference(text, pattern.slice(1)) || (text !== '' && reference(text.slice(1), pattern));
    return text !== '' && (pattern[0] === '?' || pattern[0] === text[0]) && reference(text.slice(1), pattern.slice(1));
  };
  const letters = (extra: string) => fc.string({ unit: fc.constantFrom('a', 'b', ...extra), maxLength: 8 });
  fc.assert(
    fc.property(
      letters(''),
      letters('*?'),
      (text, pattern) => matchPattern(text, pattern) === reference(text, pattern),
    ),
  );
});

test('many stars cost no more than length times length', () => {
  const started = performance.now();
  assert.equal(matchPattern('a'.repeat(maxPatternBytes), `${'*a'.repeat(2000)}*b`), false);
  assert.equal(matchPattern('a'.repeat(200), `${'a*'.repeat(100)}b`), false);
  assert.ok(performance.now() - started < 1000);
});

test('too long a name or pattern is an error, not "no match"', () => {
  const long = 'a'.repeat(maxPatternBytes + 1);
  for (const run of [() => matchPattern(long, '*'), () => matchPattern('a', long), () => matchPatternList('a', long)]) {
    assert.throws(run, (error: unknown) => error instanceof SshError && error.code === 'limit-exceeded');
  }
});

test('a negated hit wins wherever it stands, and never matches by itself', () => {
  assert.equal(matchPatternList('db1', 'db*,!db2'), 'match');
  assert.equal(matchPatternList('db2', 'db*,!db2'), 'negated');
  assert.equal(matchPatternList('db2', '!db2,db*'), 'negated');
  assert.equal(matchPatternList('db3', '!db1,!db2'), 'none');
  assert.equal(matchPatternList('x', ''), 'none');
});

test('host names match whatever their case', () => {
  assert.equal(matchHostPatternList('WWW.Example.com', '*.EXAMPLE.COM'), 'match');
  assert.equal(matchPatternList('Root', 'root'), 'none');
});
