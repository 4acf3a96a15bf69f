/** Tests of check-layers.mjs with seeded violations. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { checkLayers, importsOf } from './check-layers.mjs';

const layers = {
  packages: {
    'pkg/src': {
      floors: [['errors.ts'], ['low', 'beside'], ['high'], ['index.ts']],
      builtins: { 'node:crypto': ['low'] },
      shared: ['low/methods/listed.ts'],
    },
  },
};

/**
 * What the checker says of a package with these files.
 *
 * @param {Record<string, string>} files - path inside pkg/src -> text
 * @param {unknown} [rules]
 */
function problemsOf(files, rules = layers) {
  const base = mkdtempSync(join(tmpdir(), 'nacre-layers-'));
  try {
    writeFileSync(join(base, 'layers.json'), JSON.stringify(rules));
    for (const [path, text] of Object.entries(files)) {
      const whole = join(base, 'pkg/src', path);
      mkdirSync(dirname(whole), { recursive: true });
      writeFileSync(whole, text);
    }
    return checkLayers(base);
  } finally {
    rmSync(base, { recursive: true });
  }
}

test('imports that point down, or inside one entry, pass', () => {
  const problems = problemsOf({
    'errors.ts': 'export class E extends Error {}',
    'low/a.ts': "import { E } from '../errors.ts';\nimport { b } from './b.ts';\nimport 'node:crypto';",
    'low/b.ts': 'export const b = 1;',
    'high/c.ts': "import type { b } from '../low/b.ts';",
    'index.ts': "export * from './high/c.ts';",
  });
  assert.deepEqual(problems, []);
});

test('an import that points up is found, with its line, also as type, export and dynamic import', () => {
  for (const line of [
    "import { c } from '../high/c.ts';",
    "import type { c } from '../high/c.ts';",
    "export { c } from '../high/c.ts';",
    "export * from '../high/c.ts';",
    "const c = await import('../high/c.ts');",
    "type C = import('../high/c.ts').C;",
    "import {\n  c,\n} from '../high/c.ts';",
  ]) {
    const problems = problemsOf({ 'low/a.ts': `\n${line}`, 'high/c.ts': 'export const c = 1; export type C = 1;' });
    assert.equal(problems.length, 1, line);
    assert.match(problems[0] ?? '', /^pkg\/src\/low\/a\.ts:\d: low imports the higher layer high/);
  }
});

test('siblings do not import each other', () => {
  const problems = problemsOf({ 'low/a.ts': "import '../beside/b.ts';", 'beside/b.ts': '' });
  assert.match(problems.join(), /low\/a\.ts:1: low imports its sibling beside/);
});

test('an entry on no floor is found, whether it is imported or not', () => {
  const problems = problemsOf({ 'high/a.ts': "import '../stray/s.ts';", 'stray/s.ts': '' });
  assert.equal(problems.length, 2);
  assert.match(problems[0] ?? '', /^pkg\/src\/stray: on no floor/);
});

test('imports out of the package and of test files are found', () => {
  assert.match(problemsOf({ 'low/a.ts': "import '../../../other/x.ts';" }).join(), /lies outside the package/);
  assert.match(
    problemsOf({ 'low/a.ts': "import './b.test.ts';", 'low/b.test.ts': '' }).join(),
    /imports the test file/,
  );
});

test('a circle is found once, type-only imports included', () => {
  const problems = problemsOf({
    'low/a.ts': "import type { B } from './b.ts';",
    'low/b.ts': "import { c } from './c.ts';",
    'low/c.ts': "import { a } from './a.ts';",
  });
  assert.deepEqual(problems, ['pkg/src: circular import low/a.ts -> low/b.ts -> low/c.ts -> low/a.ts']);
});

test('a builtin outside the folders that own it is found; tests may import any', () => {
  const problems = problemsOf({
    'high/a.ts': "import { hash } from 'node:crypto';",
    'low/b.ts': "import 'node:fs';",
    'high/a.test.ts': "import 'node:crypto';\nimport 'node:fs';",
  });
  assert.equal(problems.length, 2);
  assert.match(problems.join('\n'), /high\/a\.ts:1: node:crypto: only low may import it/);
  assert.match(problems.join('\n'), /low\/b\.ts:1: node:fs: no folder may import it/);
});

test('"any" switches the rule on builtins off', () => {
  const rules = { packages: { 'pkg/src': { ...layers.packages['pkg/src'], builtins: 'any' } } };
  assert.deepEqual(problemsOf({ 'high/a.ts': "import 'node:fs';" }, rules), []);
});

test('every file beside a table.ts has a row in it, shared helpers aside', () => {
  const problems = problemsOf({
    'low/methods/table.ts': "import { one } from './one.ts';",
    'low/methods/one.ts': "import './used-by-one.ts';",
    'low/methods/used-by-one.ts': '',
    'low/methods/reader.ts': "import { table } from './table.ts';",
    'low/methods/forgotten.ts': 'export const two = 2;',
    'low/methods/_helper.ts': '',
    'low/methods/listed.ts': '',
    'low/methods/types.ts': '',
    'low/methods/one.test.ts': '',
  });
  assert.equal(problems.length, 1);
  assert.match(problems[0] ?? '', /^pkg\/src\/low\/methods\/forgotten\.ts: has no row in low\/methods\/table\.ts/);
});

test('imports inside comments do not count, "//" inside strings is no comment', () => {
  const text = [
    "// import './a.ts'",
    "/* import './b.ts' */ const url = 'https://x'; import './c.ts';",
    "/** @example import { x } from './d.ts' */",
  ].join('\n');
  assert.deepEqual(importsOf(text), [{ specifier: './c.ts', line: 2 }]);
});
