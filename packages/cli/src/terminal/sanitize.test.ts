/** What a terminal would act upon never gets through. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { sanitize, sanitizeText } from './sanitize.ts';

test('printable text stays, in any script', () => {
  for (const text of ['plain', 'naïve', '日本語 🎉', 'a\\b', '']) assert.equal(sanitize(text), text);
});

test('controls, overrides and broken bytes become octal', () => {
  assert.equal(sanitize('a\x1b[31mb\n\x7f'), 'a\\033[31mb\\012\\177');
  assert.equal(sanitize('\u009b31m'), '\\302\\23331m');
  assert.equal(sanitize('gpj.\u202eexe'), 'gpj.\\342\\200\\256exe');
  assert.equal(sanitize(Buffer.from([0x61, 0x9b, 0xff, 0x0a])), 'a\\233\\377\\012');
  assert.equal(sanitize(Buffer.from('é\x07')), 'é\\007');
  assert.equal(sanitize('\ud800x'), '\\357\\277\\275x');
});

test('text of several lines keeps its lines, and a lone CR does not overwrite one', () => {
  assert.equal(sanitizeText('a\r\nb\tc\nd\re\x1b'), 'a\nb\tc\nd\\015e\\033');
});

test('no input lets a control through', () => {
  const dangerous = /[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/;
  fc.assert(fc.property(fc.uint8Array(), (bytes) => assert.doesNotMatch(sanitize(bytes), dangerous)));
  fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => assert.doesNotMatch(sanitize(text), dangerous)));
});
