/** Transfers that are cut at random places and resumed, with OpenSSH's server, ours and AsyncSSH's. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import * as fs from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { SshError } from '@nacre/ssh/errors';
import type { SftpClient } from '@nacre/ssh/sftp';
import { get, put } from '@nacre/ssh/transfer';
import { makeFolder } from '../harness/index.ts';
import { cutAfter, hashOf, seededRandom, sftpPeers } from './_sftp-peers.ts';

const cuts = 50;

for (const peer of sftpPeers) {
  test(`${peer.name}: cut at ${cuts} random places, resumed until it is whole`, { skip: peer.skip }, async (t) => {
    const random = seededRandom();
    t.diagnostic(`seed ${random.seed}`);
    const folder = makeFolder('whole');
    const file = join(folder, 'file');
    const size = 1_500_000;
    fs.writeFileSync(file, randomBytes(size));
    const expected = hashOf(file);
    const whole = await peer.open();
    let begun = 0;
    for (let round = 0; round < cuts; round++) {
      const target = join(folder, `${round}`);
      const run = (sftp: SftpClient, more: object) =>
        round % 2 === 0 ? get(sftp, file, target, more) : put(sftp, file, target, more);
      // Past the greeting, and some of them past the end.
      const at = 600 + random.below(size * 1.02);
      const what = `seed ${random.seed}, round ${round}, cut at ${at}`;
      const error = await run(await peer.open(cutAfter(at)), {}).then(
        () => undefined,
        (cause: unknown) => cause,
      );
      if (error !== undefined) {
        assert.ok(error instanceof SshError, what);
        assert.ok(error.message.includes(file), `${what}: ${error.message}`);
        const there = fs.existsSync(target) ? fs.statSync(target).size : 0;
        if (there > 0) begun++;
        assert.ok(there <= size, what);
        const report = await run(whole, { resume: 'hash' });
        assert.ok(report.bytes <= size - there || round % 2 === 1, `${what}: ${report.bytes} of ${size - there}`);
      }
      assert.equal(hashOf(target), expected, what);
    }
    assert.ok(begun > cuts / 2, `${begun} of the cuts left something`);
  });
}
