/** As bulk passes, ciphers go over to OpenSSL's own calls in the middle of a stream; node:crypto alone tells whether the bytes are right. */
import assert from 'node:assert/strict';
import { createDecipheriv, createHmac, randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { SshError } from '../../errors.ts';
import { isForcedOff } from '../../fast-paths.ts';
import { forgetEvp } from '../evp/library.ts';
import { findMac } from '../macs/table.ts';
import { sealOnto } from './sealing.test.kit.ts';
import { findCipher, restoreOpener, restoreSealer } from './table.ts';

const isOff = isForcedOff('NACRE_EVP') || isForcedOff('NACRE_CRYPTO');
const bodyBytes = 32 * 1024;
/** Six megabytes: the change comes at four. */
const packetCount = 192;

function packetOf(index: number): Buffer {
  const packet = Buffer.alloc(4 + bodyBytes, index & 0xff);
  packet.writeUInt32BE(bodyBytes, 0);
  packet.writeUInt32BE(index, 16);
  return packet;
}

interface Oracle {
  /** The body of one sealed packet, by node:crypto, or an error. */
  open(sequence: number, wire: Buffer): Buffer;
}

function gcmOracle(nodeName: 'aes-128-gcm' | 'aes-256-gcm', key: Buffer, iv: Buffer): Oracle {
  const nonce = Buffer.from(iv);
  return {
    open(_sequence, wire) {
      const decipher = createDecipheriv(nodeName, key, nonce);
      nonce.writeBigUInt64BE(BigInt.asUintN(64, nonce.readBigUInt64BE(4) + 1n), 4);
      decipher.setAAD(wire.subarray(0, 4)).setAuthTag(wire.subarray(-16));
      return Buffer.concat([decipher.update(wire.subarray(4, -16)), decipher.final()]);
    },
  };
}

function ctrOracle(nodeName: string, key: Buffer, iv: Buffer, macKey: Buffer): Oracle {
  const stream = createDecipheriv(nodeName, key, iv);
  return {
    open(sequence, wire) {
      const head = Buffer.alloc(4);
      head.writeUInt32BE(sequence);
      const expected = createHmac('sha256', macKey).update(head).update(wire.subarray(0, -32)).digest();
      assert.deepEqual(wire.subarray(-32), expected);
      return stream.update(wire.subarray(4, -32));
    },
  };
}

const rows = [
  { name: 'aes128-gcm@openssh.com', nodeName: 'aes-128-gcm', macName: null },
  { name: 'aes256-gcm@openssh.com', nodeName: 'aes-256-gcm', macName: null },
  { name: 'aes128-ctr', nodeName: 'aes-128-ctr', macName: 'hmac-sha2-256-etm@openssh.com' },
  { name: 'aes192-ctr', nodeName: 'aes-192-ctr', macName: 'hmac-sha2-256-etm@openssh.com' },
  { name: 'aes256-ctr', nodeName: 'aes-256-ctr', macName: 'hmac-sha2-256-etm@openssh.com' },
] as const;

for (const { name, nodeName, macName } of rows) {
  test(`${name}: the bytes stay right through the change, both ways, and state moves on after it`, () => {
    const cipher = findCipher(name);
    const mac = macName === null ? null : (findMac(macName) ?? null);
    assert.ok(cipher !== undefined);
    const keys = {
      key: randomBytes(cipher.keyBytes),
      iv: randomBytes(cipher.ivBytes),
      macKey: randomBytes(mac === null ? 0 : mac.keyBytes),
    };
    const oracle =
      nodeName === 'aes-128-gcm' || nodeName === 'aes-256-gcm'
        ? gcmOracle(nodeName, keys.key, keys.iv)
        : ctrOracle(nodeName, keys.key, keys.iv, keys.macKey);
    forgetEvp();
    let sealer = cipher.createSealer(keys, mac);
    let opener = cipher.createOpener(keys, mac);
    for (let sequence = 0; sequence < packetCount; sequence++) {
      const packet = packetOf(sequence);
      const out: Buffer[] = [];
      sealOnto(out, sealer, sequence, packet);
      const wire = Buffer.concat(out);
      assert.ok(oracle.open(sequence, wire).equals(packet.subarray(4)), `packet ${sequence}`);
      const opened = opener.open(sequence, wire, 0, opener.readLength(sequence, wire, 0));
      assert.ok(opened.equals(packet.subarray(4)), `packet ${sequence} opened`);
      if (sequence === 60) assert.equal(sealer.inPlace, undefined);
      if (sequence === 150) {
        assert.equal(sealer.inPlace === undefined, isOff);
        sealer = restoreSealer(sealer.exportState());
        opener = restoreOpener(opener.exportState());
      }
    }
    const out: Buffer[] = [];
    sealOnto(out, sealer, packetCount, packetOf(0));
    const forged = Buffer.concat(out);
    forged[100] = (forged[100] as number) ^ 1;
    assert.throws(
      () => opener.open(packetCount, forged, 0, opener.readLength(packetCount, forged, 0)),
      (error) => error instanceof SshError && error.code === 'bad-mac',
    );
  });
}
