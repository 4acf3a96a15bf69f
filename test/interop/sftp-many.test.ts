/** Transfers of 10,000 files, both ways, with OpenSSH's server, ours and AsyncSSH's. */
import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { get, put } from '@nacre/ssh/transfer';
import { atEnd } from '../harness/index.ts';
import { describeTree, sftpPeers } from './_sftp-peers.ts';

/** In memory where there is such a place: what is tried is not the disk. */
function makeFastFolder(): string {
  const folder = fs.mkdtempSync(join(fs.existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'nacre-many-'));
  atEnd(() => fs.rmSync(folder, { recursive: true, force: true }));
  return folder;
}

for (const peer of sftpPeers) {
  test(`${peer.name}: 10,000 files, there and back`, { skip: peer.skip }, async () => {
    const folder = makeFastFolder();
    const tree = join(folder, 'tree');
    for (let at = 0; at < 10_000; at++) {
      if (at % 1000 === 0) fs.mkdirSync(join(tree, `${at}`), { recursive: true });
      fs.writeFileSync(join(tree, `${at - (at % 1000)}`, `file ${at}`), `${at}`.repeat(at % 40));
    }
    const sftp = await peer.open();
    const sent = await put(sftp, tree, join(folder, 'there'), { recursive: true });
    const came = await get(sftp, join(folder, 'there'), join(folder, 'back'), { recursive: true });
    assert.deepEqual([sent.files, came.files], [10_000, 10_000]);
    assert.deepEqual(describeTree(join(folder, 'back')), describeTree(tree));
    fs.rmSync(folder, { recursive: true });
  });
}
