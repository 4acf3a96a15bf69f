/** The list of what a login may be forbidden and the tables of what a client may ask for: neither may know a name the other lacks. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { allRows } from '../connection/deny-all.ts';
import { featureFor, features } from '../trust/index.ts';

test('every channel type and request needs the same permission in both lists', () => {
  for (const { name, feature } of allRows) {
    // authorized_keys has one word for both kinds of forwarding.
    const expected = feature === 'streamlocal-forwarding' ? 'port-forwarding' : feature;
    // A cancellation gives nothing that needs permission.
    if (!name.startsWith('cancel-')) assert.equal(featureFor(name), expected, name);
  }
});

test('whatever a permission governs stands in a table', () => {
  const names = new Set(allRows.map((row) => row.name));
  for (const name of features.flatMap((row) => [...row.governs])) assert.ok(names.has(name), name);
});
