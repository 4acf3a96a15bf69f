/** Every fast path that can be forced off, with the tests that run without it in the part `fallback` of `npm test`. */

/**
 * @typedef {object} FastPathRow
 * @property {string} variable
 * @property {string} value
 * @property {string[]} unit - unit tests in whose path one of these stands; they run on both Nodes
 * @property {string[]} interop - files of test/interop that are about it; fast-paths.test.ts there sets each of them for a connection
 */

/** @type {FastPathRow[]} */
export const fastPaths = [
  {
    variable: 'NACRE_CRYPTO',
    value: 'fallback',
    unit: [
      'ssh/src/fast-paths.test',
      'crypto/ciphers/',
      'crypto/hash.test',
      'crypto/kdf/',
      'crypto/ml-kem.test',
      'transport/transport.test',
    ],
    interop: [],
  },
  {
    variable: 'NACRE_ONREAD',
    value: 'off',
    unit: ['ssh/src/io/', 'server/features.test', 'server/lifecycle.test', 'client/forwards.test', 'client/mux.test'],
    interop: [],
  },
  {
    variable: 'NACRE_RELEASE',
    value: 'off',
    unit: ['io/release-memory.test', 'ssh/src/connection/', 'client/program-stream.test'],
    interop: [],
  },
  { variable: 'NACRE_BUNDLE', value: 'off', unit: [], interop: ['launcher'] },
  // Node's own switch.
  { variable: 'NODE_DISABLE_COMPILE_CACHE', value: '1', unit: [], interop: [] },
];
