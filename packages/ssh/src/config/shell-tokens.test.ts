/** What may stand in a line for a shell. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SshError } from '../errors.ts';
import { shellTokens } from './shell-tokens.ts';
import { expandTokens } from './tokens.ts';

const guard = (letter: string, value: string) =>
  expandTokens(`run %${letter}`, shellTokens({ [letter]: () => value }, 'LocalCommand'), 'LocalCommand');

test('names of hosts, users, aliases and jump hosts that a shell would act upon are refused', () => {
  for (const letter of 'hknrj') {
    for (const value of [
      'a;b',
      '$(id)',
      '`id`',
      'a|b',
      'a&b',
      'a\nb',
      "a'b",
      'a"b',
      'a>b',
      '(a)',
      '{a}',
      'a\\',
      'a$b',
      '-oX',
      'a\x1bb',
    ]) {
      assert.throws(() => guard(letter, value), SshError, `${letter} ${JSON.stringify(value)}`);
    }
    for (const value of ['host.example', '192.0.2.1', 'fe80::1%eth0', 'ada', 'a_b-c', 'ada@one:22,two', 'büro']) {
      assert.equal(guard(letter, value), `run ${value}`);
    }
  }
});

test('names of Windows domains are users, and no hosts', () => {
  for (const name of ['DOMAIN\\ada', 'pc7$']) {
    assert.equal(guard('r', name), `run ${name}`);
    for (const letter of 'hknj') assert.throws(() => guard(letter, name), SshError, letter);
  }
  assert.equal(guard('j', 'one, two'), 'run one, two');
});

test('what is this machine’s own is left as it is, and nothing is worked out that is not used', () => {
  assert.equal(guard('d', '/home/o’neill (x)'), 'run /home/o’neill (x)');
  assert.equal(expandTokens('none', shellTokens({ h: () => assert.fail() }, 'LocalCommand'), 'LocalCommand'), 'none');
});
