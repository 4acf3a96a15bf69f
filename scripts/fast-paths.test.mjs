/** The table of fast paths is whole: each has its switch, its row in the guide, and tests that are there. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fastPaths } from './fast-paths.mjs';
import { filesBelow, root } from './process.mjs';

test('every switch of the library and of the programs is in the table, and every row of the table in the guide', () => {
  const source = ['ssh/src', 'cli/src/os'].map((place) =>
    readFileSync(join(root, 'packages', place, 'fast-paths.ts'), 'utf8'),
  );
  const guide = readFileSync(join(root, 'docs', 'guide', 'performance.md'), 'utf8');
  const switches = [...source.join('').matchAll(/\| '(NACRE_[A-Z_]+)'/g)].map(([, name]) => name);
  assert.ok(switches.length > 0);
  for (const name of switches)
    assert.ok(
      fastPaths.some(({ variable }) => variable === name),
      `${name} is tested`,
    );
  const live = readFileSync(join(root, 'test', 'interop', 'fast-paths.test.ts'), 'utf8');
  for (const { variable, value } of fastPaths) {
    assert.ok(guide.includes(`| \`${variable}=${value}\` |`), `${variable} is in the guide`);
    assert.ok(live.includes(`['${variable}', '${value}']`), `${variable} is tested live`);
  }
});

test('the tests that rows name exist', () => {
  const units = filesBelow('packages', '.test.ts');
  const interops = filesBelow('test/interop', '.test.ts');
  for (const { variable, unit, interop } of fastPaths) {
    for (const piece of unit)
      assert.ok(
        units.some((file) => file.includes(piece)),
        `${variable}: ${piece}`,
      );
    for (const name of interop) assert.ok(interops.includes(`test/interop/${name}.test.ts`), `${variable}: ${name}`);
  }
});
