/** Transfers whose local calls are made at once bring what those by threads bring, and fail in the same words. */
import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { startMemory } from '../../sftp/memory-server.test.kit.ts';
import { get, put } from './index.ts';

for (const blocking of [undefined, 'while-quick'] as const) {
  const how = { ...(blocking && { blocking }) };

  test(`a tree there and back, its modes and times, ${blocking ?? 'by threads'}`, async (t) => {
    const folder = fs.mkdtempSync(join(tmpdir(), 'nacre-blocking-'));
    t.after(() => fs.rmSync(folder, { recursive: true, force: true }));
    const from = join(folder, 'from');
    fs.mkdirSync(join(from, 'sub'), { recursive: true });
    const contents = ['', 'x', 'y'.repeat(4096), 'z'.repeat(700_001)];
    for (const [at, text] of contents.entries()) {
      const path = join(from, at % 2 === 0 ? '.' : 'sub', `f${at}`);
      fs.writeFileSync(path, text, { mode: 0o640 });
      fs.utimesSync(path, 1_000_000, 1_234_567);
    }
    const { sftp } = await startMemory({ maxRead: 30_000 });
    t.after(() => sftp.close());
    const options = { recursive: true, preserve: true, targetIs: 'name' as const, ...how };
    await put(sftp, from, '/there', options);
    await get(sftp, '/there', join(folder, 'back'), options);
    for (const [at, text] of contents.entries()) {
      const path = join(folder, 'back', at % 2 === 0 ? '.' : 'sub', `f${at}`);
      assert.equal(fs.readFileSync(path, 'utf8'), text);
      const { mode, mtimeMs } = fs.statSync(path);
      assert.deepEqual([mode & 0o777, mtimeMs], [0o640, 1_234_567_000]);
    }
  });

  test(`what cannot be opened or made is told, ${blocking ?? 'by threads'}`, async (t) => {
    const { server, sftp } = await startMemory();
    t.after(() => sftp.close());
    server.file('/file', 'x');
    const missing = join(tmpdir(), 'nacre-none', 'at', 'all');
    await assert.rejects(get(sftp, '/file', missing, { targetIs: 'name', ...how }), {
      name: 'SshError',
      message: /^get ".*open local ".*nacre-none\/at\/all": /s,
    });
    await assert.rejects(put(sftp, missing, '/file', { targetIs: 'name', ...how }), { name: 'SshError' });
  });
}
