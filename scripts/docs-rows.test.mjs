/** The tables of docs/known-attacks.md and docs/protocol.md name files and tests: each must exist. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { root } from './process.mjs';

for (const document of ['docs/known-attacks.md', 'docs/protocol.md']) {
  test(`${document} names files and tests that exist`, () => {
    const rows = readFileSync(join(root, document), 'utf8')
      .split('\n')
      .filter((line) => line.startsWith('| ') && line.includes('`'));
    assert.ok(rows.length > 10);
    for (const row of rows) {
      const cells = row.split('|').slice(1, -1);
      const tests = cells.at(-1) ?? '';
      for (const [, name = ''] of cells
        .slice(0, -1)
        .join()
        .matchAll(/`([\w./-]+(?:\.\w+|\/))`/g)) {
        assert.ok(existsSync(locate(name)), `${document} names ${name}, which does not exist`);
      }
      for (const entry of tests.split('<br>')) {
        const [, file = '', name = ''] = /^ *`([^`]+)`: (.+?) *$/.exec(entry) ?? [];
        assert.ok(file !== '' && statSync(locate(file)).isFile(), `${document}: no test file in "${entry}"`);
        assert.ok(
          readFileSync(locate(file), 'utf8').includes(name),
          `${document} names the test "${name}", which ${file} does not have`,
        );
      }
    }
  });
}

/** @param {string} name - below packages/ssh/src, or below the checkout */
function locate(name) {
  const inside = join(root, 'packages', 'ssh', 'src', name);
  return existsSync(inside) ? inside : join(root, name);
}
