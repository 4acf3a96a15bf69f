import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import { SshError } from '../../../errors.ts';
import { isForcedOff } from '../../../fast-paths.ts';
import { loadEvp } from '../../evp/library.ts';
import type { BindChaCha, ChaChaBackend } from './backend.ts';
import { noblePrimitives } from './noble.ts';
import { opensslPrimitives } from './openssl.ts';
import { sodiumPrimitives } from './sodium.ts';
import { chachaBackends, chooseChaChaBackend } from './table.ts';
import type { XorPrimitives } from './xor.ts';

const available = chachaBackends.flatMap((backend): { name: string; bind: BindChaCha }[] => {
  const bind = backend.load();
  return bind === null ? [] : [{ name: backend.name, bind }];
});
const isForced = isForcedOff('NACRE_CRYPTO');
const evp = loadEvp();
const primitives: [string, XorPrimitives | null][] = [
  ['openssl', evp === undefined ? null : opensslPrimitives(evp)],
  ['sodium-native', sodiumPrimitives()],
  ['noble', noblePrimitives()],
];

test('the pure back ends are there on every Node that is supported', () => {
  const names = available.map((backend) => backend.name);
  assert.ok(names.includes('noble') && names.includes('node-noble'), names.join());
});

for (const [name, given] of primitives) {
  test(`${name}: ChaCha20 of RFC 8439 A.1, Poly1305 of RFC 8439 §2.5.2`, {
    skip: given === null && 'not installed',
  }, () => {
    assert.ok(given !== null);
    const stream = Buffer.alloc(64);
    // All zeros, so the 8-byte nonce of the original ChaCha20 and the 12-byte one of the RFC mean the same.
    given.xor(stream, Buffer.alloc(64), Buffer.alloc(8), 0, Buffer.alloc(32));
    assert.equal(stream.subarray(0, 16).toString('hex'), '76b8e0ada0f13d90405d6ae55386bd28');
    given.xor(stream, Buffer.alloc(64), Buffer.alloc(8), 1, Buffer.alloc(32));
    assert.equal(stream.subarray(0, 16).toString('hex'), '9f07e7be5551387a98ba977c732d080d');
    const tag = Buffer.alloc(16);
    const key = Buffer.from('85d6be7857556d337f4452fe42d506a80103808afb0db2fd4abff6af4149f51b', 'hex');
    given.poly1305(tag, Buffer.from('Cryptographic Forum Research Group'), key);
    assert.equal(tag.toString('hex'), 'a8061dc1305136c6c22b8baf0c0127a9');
  });
}

test('all back ends seal to the same bytes and open each other', () => {
  const packetOf = fc.uint8Array({ minLength: 5, maxLength: 2048 });
  fc.assert(
    fc.property(
      fc.uint8Array({ minLength: 64, maxLength: 64 }),
      fc.nat(0xffff_ffff),
      packetOf,
      (key, sequence, bytes) => {
        const packet = Buffer.from(bytes);
        packet.writeUInt32BE(packet.length - 4, 0);
        const nonce = Buffer.alloc(8);
        nonce.writeUInt32BE(sequence, 4);
        const mainKey = Buffer.from(key.subarray(0, 32));
        const lengthKey = Buffer.from(key.subarray(32));
        const sealed = available.map(({ bind }) => {
          const out: Buffer[] = [];
          bind(mainKey, lengthKey).seal(nonce, packet, out);
          return Buffer.concat(out);
        });
        for (const [index, { name, bind }] of available.entries()) {
          assert.deepEqual(sealed[index], sealed[0], name);
          const other = sealed[(index + 1) % sealed.length] as Buffer;
          const packets = bind(mainKey, lengthKey);
          assert.equal(packets.readLength(nonce, other, 0), packet.length - 4);
          assert.deepEqual(packets.open(nonce, other, 0, packet.length), packet.subarray(4));
        }
      },
    ),
    { numRuns: 60 },
  );
});

test('each back end refuses a wrong tag', () => {
  const key = randomBytes(32);
  const packet = randomBytes(36);
  const nonce = Buffer.alloc(8);
  for (const { name, bind } of available) {
    const out: Buffer[] = [];
    bind(key, key).seal(nonce, packet, out);
    const sealed = Buffer.concat(out);
    sealed[sealed.length - 1] = (sealed[sealed.length - 1] as number) ^ 1;
    assert.equal(bind(key, key).open(nonce, sealed, 0, packet.length), null, name);
  }
});

test('the first back end that loads is chosen', () => {
  const absent: ChaChaBackend = { name: 'sodium-native', load: () => null };
  const present = chachaBackends.find((backend) => backend.name === 'noble');
  assert.ok(present !== undefined);
  assert.equal(chooseChaChaBackend([absent, present]).name, 'noble');
  assert.equal(chooseChaChaBackend().name, isForced ? 'noble' : available[0]?.name);
  assert.throws(
    () => chooseChaChaBackend([absent]),
    (error) => error instanceof SshError && error.code === 'unsupported' && error.remedy !== undefined,
  );
});

test('where addons may not load, a pure back end serves and nothing is said', () => {
  const script = `import { chooseChaChaBackend } from ${moduleUrl('./table')}; console.log(chooseChaChaBackend().name);`;
  const pure = available.find(({ name }) => name !== 'sodium-native' && name !== 'openssl')?.name;
  const expected = isForced ? 'noble' : pure;
  assert.equal(runModule(script, ['--no-addons']), expected);
});

test('no package is loaded before the first chacha20-poly1305 connection', () => {
  const script = `
    import { createRequire } from 'node:module';
    import { findCipher } from ${moduleUrl('../table')};
    const { cache } = createRequire(import.meta.url);
    const loaded = () => Object.keys(cache).some((path) => /koffi|sodium-native|noble/.test(path));
    const keysOf = (cipher) => ({ key: Buffer.alloc(cipher.keyBytes), iv: Buffer.alloc(cipher.ivBytes), macKey: Buffer.alloc(0) });
    const start = (name) => findCipher(name).createSealer(keysOf(findCipher(name)), null);
    start('aes256-gcm@openssh.com');
    const before = loaded();
    start('chacha20-poly1305@openssh.com');
    console.log(before, loaded());`;
  const usesPackage = isForced || available[0]?.name !== 'node-mac';
  assert.equal(runModule(script), `false ${usesPackage}`);
});

/** The URL of a module beside this one, quoted; it ends in .ts in the sources and in .js once built. */
function moduleUrl(path: string): string {
  return JSON.stringify(new URL(path + (import.meta.url.endsWith('.ts') ? '.ts' : '.js'), import.meta.url).href);
}

function runModule(script: string, flags: string[] = []): string {
  const child = spawnSync(process.execPath, [...flags, '--input-type=module', '-e', script], { encoding: 'utf8' });
  assert.equal(child.stderr, '');
  return child.stdout.trim();
}
