/** getopt against the posix-getopt package on random command lines, and where OpenSSH's getopt differs from that package. */
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { test } from 'node:test';
import fc from 'fast-check';
import { Getopt, type GetoptStep } from './getopt.ts';

interface OracleStep {
  option: string;
  optarg?: string;
  optopt?: string;
}
interface Oracle {
  getopt(): OracleStep | undefined;
  optind(): number;
}
const { BasicParser } = createRequire(import.meta.url)('posix-getopt') as {
  BasicParser: new (options: string, args: string[], index: number) => Oracle;
};

const known = new Map([
  ['a', false],
  ['b', false],
  ['p', true],
  ['o', true],
]);

function walk(args: string[]): { steps: GetoptStep[]; index: number } {
  const getopt = new Getopt(args, known);
  const steps: GetoptStep[] = [];
  for (let step = getopt.next(); step !== undefined; step = getopt.next()) steps.push(step);
  return { steps, index: getopt.index };
}

function walkOracle(args: string[]): { steps: GetoptStep[]; index: number } {
  const oracle = new BasicParser(':abp:o:', args, 0);
  const steps: GetoptStep[] = [];
  for (let step = oracle.getopt(); step !== undefined; step = oracle.getopt()) {
    if (step.option === '?') steps.push({ kind: 'unknown', letter: step.optopt as string });
    else if (step.option === ':') steps.push({ kind: 'missing-value', letter: step.optopt as string });
    else steps.push({ kind: 'option', letter: step.option, value: step.optarg });
  }
  return { steps, index: oracle.optind() };
}

test('agrees with posix-getopt on everything but --word', () => {
  const word = fc.oneof(
    fc.constantFrom('-a', '-b', '-p', '-o', '--', '-', '', '-ab', '-p22', '-abp', '-z', 'host', '-oA=b', '-a-b'),
    fc.stringMatching(/^-?[abpoz=é-]{0,4}$/).filter((text) => !/^--./.test(text)),
  );
  fc.assert(
    fc.property(fc.array(word, { maxLength: 6 }), (args) => {
      assert.deepEqual(walk(args), walkOracle(args));
    }),
    { numRuns: 2000 },
  );
});

test('--word is the unknown option "-", as OpenSSH says it', () => {
  assert.deepEqual(new Getopt(['--help'], known).next(), { kind: 'unknown', letter: '-' });
  assert.deepEqual(new Getopt(['--constructor'], known).next(), { kind: 'unknown', letter: '-' });
});

test('a word that is known is a long option; every other argument is getopt’s', () => {
  const words = new Map([...known, ['again', false], ['limit', true]]);
  const steps = (...args: string[]) => {
    const getopt = new Getopt(args, words);
    const found: unknown[] = [];
    for (let step = getopt.next(); step !== undefined; step = getopt.next()) found.push(Object.values(step));
    return [...found, getopt.index];
  };
  assert.deepEqual(steps('-a', '--again', '-b', 'host', '--again'), [
    ['option', 'a', undefined],
    ['option', 'again', undefined],
    ['option', 'b', undefined],
    3,
  ]);
  assert.deepEqual(steps('--limit', '5', '--limit=', '--limit=a=b', 'x'), [
    ['option', 'limit', '5'],
    ['option', 'limit', ''],
    ['option', 'limit', 'a=b'],
    4,
  ]);
  assert.deepEqual(steps('--limit'), [['missing-value', 'limit'], 1]);
  assert.deepEqual(steps('-p', '--again', '--', '--again'), [['option', 'p', '--again'], 3]);
  assert.deepEqual(steps('--agai')[0], ['unknown', '-']);
  assert.deepEqual(steps('--again=1')[0], ['unknown', '-']);
});
