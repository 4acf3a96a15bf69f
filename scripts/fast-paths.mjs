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
      'crypto/evp/',
      'crypto/hash.test',
      'crypto/kdf/',
      'crypto/ml-kem.test',
      'transport/transport.test',
    ],
    interop: [],
  },
  {
    variable: 'NACRE_EVP',
    value: 'off',
    unit: ['ssh/src/fast-paths.test', 'crypto/ciphers/', 'crypto/evp/', 'transport/transport.test'],
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
  {
    variable: 'NACRE_PACKET_READS',
    value: 'off',
    unit: ['ssh/src/io/', 'transport/transport.test', 'server/lifecycle.test', 'client/forwards.test'],
    interop: [],
  },
  { variable: 'NACRE_CODE_CACHE', value: 'off', unit: [], interop: ['launcher'] },
  { variable: 'NACRE_QUICK_ACK', value: 'off', unit: [], interop: [] },
  { variable: 'NACRE_SPAWN', value: 'fallback', unit: ['sshd/session.test'], interop: ['sshd-process'] },
  { variable: 'NACRE_THREAD_RIGHTS', value: 'off', unit: ['sshd/user-files.test'], interop: [] },
  { variable: 'NACRE_TIDY', value: 'off', unit: [], interop: ['sshd-load'] },
  { variable: 'NACRE_LOCAL_FILES', value: 'off', unit: [], interop: ['sftp-transfer'] },
  { variable: 'NACRE_INTERNAL_SFTP', value: 'off', unit: [], interop: [] },
];
