/** Values that only one keyword has. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseEscapeCharacter } from './special-values.ts';

const tilde = 0x7e;

test('EscapeChar is read as ssh_config has it', () => {
  assert.equal(parseEscapeCharacter('~'), tilde);
  assert.equal(parseEscapeCharacter('^]'), 0x1d);
  assert.equal(parseEscapeCharacter('^a'), 1);
  assert.equal(parseEscapeCharacter('none'), 'none');
  for (const text of ['', 'ab', 'é', '^é']) assert.equal(parseEscapeCharacter(text), 'invalid');
});
