/** Packets that another implementation sealed (asyncssh 2.10, over OpenSSL and libsodium): sealed and opened here to the same bytes. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { loadEvp } from '../evp/library.ts';
import { findMac } from '../macs/table.ts';
import { chachaBackends } from './chacha-backends/table.ts';
import { chachaRow } from './chacha20-poly1305.ts';
import { sealOnto } from './sealing.test.kit.ts';
import { findCipher } from './table.ts';

// From the first packet on; with NACRE_EVP=off the same runs through node:crypto.
loadEvp();

/** The bytes that the recording was made with: SHA-256 of "label 0", "label 1" …, cut to length. */
function derived(label: string, byteCount: number): Buffer {
  const blocks: Buffer[] = [];
  for (let index = 0; index * 32 < byteCount; index++) {
    blocks.push(createHash('sha256').update(`${label} ${index}`).digest());
  }
  return Buffer.concat(blocks).subarray(0, byteCount);
}

/** packet_length | padding_length | payload | padding, with the least padding that is allowed. */
function framed(payload: Buffer, blockBytes: number, lengthCounts: boolean): Buffer {
  const unpadded = 1 + payload.length + (lengthCounts ? 4 : 0);
  let padding = blockBytes - (unpadded % blockBytes);
  if (padding < 4) padding += blockBytes;
  const head = Buffer.alloc(5);
  head.writeUInt32BE(1 + payload.length + padding, 0);
  head.writeUInt8(padding, 4);
  return Buffer.concat([head, payload, derived('padding', padding)]);
}

const firstSequence = 3;
const payloads = [Buffer.concat([Buffer.of(0x5e), derived('payload', 20)]), Buffer.of(2)];

const recordings: readonly { cipher: string; mac: string | null; sealed: readonly [string, string] }[] = [
  {
    cipher: 'aes256-gcm@openssh.com',
    mac: null,
    sealed: [
      '00000020aa1c1b2c6dc877b464c5d134168500f5cfa09d8c5853fbd28778b8146b27b2bcc958f64b66e3dc91012c30eb0c23c26d',
      '000000106a17dd6639274220b9cdd2fb10d36aa96b7affd1b753bc624f31ce2cd215c1f5',
    ],
  },
  {
    cipher: 'aes128-gcm@openssh.com',
    mac: null,
    sealed: [
      '00000020953fea70d7524d8933ad5cafeb06f6f1a1c489206558a51a77d0400d30a46bb764a601c25120fb64f2891d3b16e4dc5f',
      '00000010a0514a932348e3cc38d649dce306a128eaab95dda449b3861a361babf1434aa0',
    ],
  },
  {
    cipher: 'chacha20-poly1305@openssh.com',
    mac: null,
    sealed: [
      'e6116568be0e2f5ee194c22d4a3eddcadda47e504537a0b660382c51425432f181357a5250d96b4b7b74429823bd87d0572a1ccf',
      '0806d917c117bb82b4096bb1637836666732f930e5b95212b2cade2c',
    ],
  },
  {
    cipher: 'aes256-ctr',
    mac: 'hmac-sha2-256-etm@openssh.com',
    sealed: [
      '0000002014ecf1eed0b63a4520b64025d158c76a0b0aca1c53a7e17235006f483b046bf007a53c12b314aeb5273b84e274494508c36e661a6b9c2b25ad274126f40a6331',
      '0000001009b7192e29a0251ff2a183925bd6504febed2bca69c1ba2f47aea80d4f764a8746da748eec35e20cd8a19bfc46cd5232',
    ],
  },
  {
    cipher: 'aes256-ctr',
    mac: 'hmac-sha2-512-etm@openssh.com',
    sealed: [
      '0000002014ecf1eed0b63a4520b64025d158c76a0b0aca1c53a7e17235006f483b046bf0f470ec25a4008852b45e83b83621f136ca94460158bcf6ba6a1f0b242ae609b997f1170dcfd4c5fecb29917e0559048daa533290880e26f2d994b1354c931ed9',
      '0000001009b7192e29a0251ff2a183925bd6504ff7bd7a754219154a094d518820811711bdbb0a296ef00ec74f9fb123ccbc0ce76aaa6351d64dd882d0b60cffc8df98f6bc82181aaffab45acec9415d7f68dd23',
    ],
  },
  {
    cipher: 'aes256-ctr',
    mac: 'hmac-sha2-256',
    sealed: [
      '1eb2faa217815d7be72aba46b2d8462e55a8cf21b08a83f5728394a6fb34d413a56975def5ce13e93cf5a70c6d866c093f6ff609f2895ae2424193d0698451e0',
      '07b569d1bcdbdef132913c7130c93b6cc25bbb427217f0d1c7267027cde79e4c9a6dc01527580c4375c51fe285c0393f',
    ],
  },
  {
    cipher: 'aes256-ctr',
    mac: 'hmac-sha2-512',
    sealed: [
      '1eb2faa217815d7be72aba46b2d8462e55a8cf21b08a83f5728394a6fb34d413ef1f12f524bc3c3a8df3e4e678b0494563ff00dbb42f95f656e4c25a36e5ca4ae0635f9513be6a9f7f656843d838c925d77af33543f8eec0b03e4ed72a539099',
      '07b569d1bcdbdef132913c7130c93b6c2738074ea8570faa3e9e0ddf877da8809ba3600b3f208882ca0f1fd93ce358ce96ae8eae4228b47de37c39d854cb6352165b01d0ea6dd0760f2d46774beeaad4',
    ],
  },
  {
    cipher: 'aes256-ctr',
    mac: 'hmac-sha1-etm@openssh.com',
    sealed: [
      '0000002014ecf1eed0b63a4520b64025d158c76a0b0aca1c53a7e17235006f483b046bf0d4e1f2d087e80e3713973f2242523cebc6eaed2d',
      '0000001009b7192e29a0251ff2a183925bd6504f9cf0dd8362cb6277392ee35c07d0596f1f7dc8fe',
    ],
  },
  {
    cipher: 'aes256-ctr',
    mac: 'hmac-sha1',
    sealed: [
      '1eb2faa217815d7be72aba46b2d8462e55a8cf21b08a83f5728394a6fb34d413d86d8d711d53bf23b5e9a9c06dbe5837f0e2a2fc',
      '07b569d1bcdbdef132913c7130c93b6c57e17bb3a26a925b4a21a13585441c8db3dee18b',
    ],
  },
  {
    cipher: 'aes192-ctr',
    mac: 'hmac-sha2-256-etm@openssh.com',
    sealed: [
      '00000020a85fba4db9b9fe7cee22b90ff88cd04a1f991b5bad57a50619b9796b0a48d1e51c1d57de8ac8b51063452c0d3342c0864c9b374fa946cf3d66a63a03c9325aa0',
      '00000010c1b0ae6f21ff38852a0cb0b47a7154f3deec04d77329b8abb4afc682a7a9f072cf7bf9fd4e962bc7f037049a3f32ddc7',
    ],
  },
  {
    cipher: 'aes192-ctr',
    mac: 'hmac-sha2-256',
    sealed: [
      'a201b1017e8e994229be436c9b0c510e413b1e664e7ac7815e3a8285ca786e06a56975def5ce13e93cf5a70c6d866c093f6ff609f2895ae2424193d0698451e0',
      'cfb2de90b484c36bea3c0f57116e3fd0c25bbb427217f0d1c7267027cde79e4c9a6dc01527580c4375c51fe285c0393f',
    ],
  },
  {
    cipher: 'aes128-ctr',
    mac: 'hmac-sha2-256-etm@openssh.com',
    sealed: [
      '00000020059346584423ee52384f578bb1b93e1208c053c9633fc0a1af0d161c13f4904e0bc3112c6e7ff2a287ceec884a342e7c933458f25caad633e49ea9708090aaff',
      '000000108d3e0acc89468d3bd53f61b91eeecc3d5b5e17fd6b98acbdb5a6c1a9b2fb221db1e8cc85ec7b15dee22964b9089a5150',
    ],
  },
  {
    cipher: 'aes128-ctr',
    mac: 'hmac-sha2-256',
    sealed: [
      '0fcd4d148314896cffd3ade8d239bf56566256f48012a226e88eedf2d3c42fada56975def5ce13e93cf5a70c6d866c093f6ff609f2895ae2424193d0698451e0',
      '833c7a331c3d76d5150fde5a75f1a71ec25bbb427217f0d1c7267027cde79e4c9a6dc01527580c4375c51fe285c0393f',
    ],
  },
  {
    cipher: 'aes256-cbc',
    mac: 'hmac-sha2-256-etm@openssh.com',
    sealed: [
      '000000203684e04fb56ac72613c2b42eaf44f2b36a925f360b581a9e840b759407318727d45d894dc72d27ff42436941bfd3fc08a17a0d7d30905d86657a112cfaa6d772',
      '00000010207d47470f4b0d193d6c776b1cd001ef97964dc34500af17c96410a866eeb02491ff2cad89e2afe6d365d238c569ae56',
    ],
  },
  {
    cipher: 'aes256-cbc',
    mac: 'hmac-sha2-256',
    sealed: [
      '1453ba35b8fde6f959008f43be93fb2ee9914a598944755922e18e59b468bdf0a56975def5ce13e93cf5a70c6d866c093f6ff609f2895ae2424193d0698451e0',
      '7fceec5de97d6a69f2a1d28af0a34422c25bbb427217f0d1c7267027cde79e4c9a6dc01527580c4375c51fe285c0393f',
    ],
  },
  {
    cipher: 'aes192-cbc',
    mac: 'hmac-sha2-256-etm@openssh.com',
    sealed: [
      '000000205784e6c317b9f61a98f5f5baacfb91f19b086793b62800a9c00a45bf94edf9c5db66453dc0d3211354c924b7f2d350d37b00b63804e994a6bacef6b2969880b7',
      '00000010e204f79b35b5a6a2e01053794276645ff15fcaa71815baddb761b914a72bc366d7f86ab858706aade2121e5a29ad8835',
    ],
  },
  {
    cipher: 'aes192-cbc',
    mac: 'hmac-sha2-256',
    sealed: [
      '5d014a4d3207f2986789f3dd03936a11f972fb97dabd14c24197ce4f8692d9f5a56975def5ce13e93cf5a70c6d866c093f6ff609f2895ae2424193d0698451e0',
      'd97db45792eff77acc1bcee3f4c5d7f0c25bbb427217f0d1c7267027cde79e4c9a6dc01527580c4375c51fe285c0393f',
    ],
  },
  {
    cipher: 'aes128-cbc',
    mac: 'hmac-sha2-256-etm@openssh.com',
    sealed: [
      '00000020cd46679edf9a78ddd780c1a0ad66b2d07ad0a00975cdcb9da9c2a75b4ed648fa94d37bcfbeda30a026d190c916107a65f2f981e4e5bfd98ca03e7f694c5b31db',
      '00000010fbaff07039f8a81c22e379b7e5a6b5318ecf14ffd59386691e8cdac91e4014794009ce25c363803db0928312733b4d65',
    ],
  },
  {
    cipher: 'aes128-cbc',
    mac: 'hmac-sha2-256',
    sealed: [
      '46dacb00a869ec8f587014f7ca9c63a941384f0dd7c37589fb0578139f6d5ebea56975def5ce13e93cf5a70c6d866c093f6ff609f2895ae2424193d0698451e0',
      'fcb672924ef4a6b168865c3c25dd9fb8c25bbb427217f0d1c7267027cde79e4c9a6dc01527580c4375c51fe285c0393f',
    ],
  },
  {
    cipher: '3des-cbc',
    mac: 'hmac-sha2-256-etm@openssh.com',
    sealed: [
      '00000020bbe50f68f729304ba4334122d0efa3744a3acbc77a20ca625205acfb246060a54d9791bdf159c103117d51ca27eab871794d9009905cc9b33aa57dc539c8e5e4',
      '000000084c6e71e3462be19377c341e6537df4a5db1439b5e0eb7b61b199754e4578e42f32c187f39c3d684e',
    ],
  },
  {
    cipher: '3des-cbc',
    mac: 'hmac-sha2-256',
    sealed: [
      '18a357ffb6f499b6983588f99f926dd2146c081c648b2b6c9489e951d06438f2a56975def5ce13e93cf5a70c6d866c093f6ff609f2895ae2424193d0698451e0',
      'bf773dc08b814657f416f2d8a3bc71f2c25bbb427217f0d1c7267027cde79e4c9a6dc01527580c4375c51fe285c0393f',
    ],
  },
];

for (const { cipher: cipherName, mac: macName, sealed } of recordings) {
  test(`recorded packets: ${cipherName} ${macName ?? ''}`, () => {
    const inTable = findCipher(cipherName);
    const mac = macName === null ? null : findMac(macName);
    assert.ok(inTable !== undefined && mac !== undefined);
    const rows = [inTable];
    if (cipherName.startsWith('chacha20')) {
      for (const backend of chachaBackends) {
        const bind = backend.load();
        if (bind !== null) rows.push(chachaRow(() => bind));
      }
    }
    for (const row of rows) {
      const keys = {
        key: derived('key', row.keyBytes),
        iv: derived('iv', row.ivBytes),
        macKey: derived('mac key', mac === null ? 0 : mac.keyBytes),
      };
      const sealer = row.createSealer(keys, mac);
      const opener = row.createOpener(keys, mac);
      for (const [index, payload] of payloads.entries()) {
        const packet = framed(payload, sealer.blockBytes, sealer.lengthCountsForPadding);
        const recorded = Buffer.from(sealed[index] as string, 'hex');
        const out: Buffer[] = [];
        sealOnto(out, sealer, firstSequence + index, packet);
        assert.equal(Buffer.concat(out).toString('hex'), recorded.toString('hex'));
        const packetLength = opener.readLength(firstSequence + index, recorded, 0);
        assert.equal(packetLength, packet.length - 4);
        assert.deepEqual(opener.open(firstSequence + index, recorded, 0, packetLength), packet.subarray(4));
      }
    }
  });
}
