/** Reads a key revocation list for ssh-keygen, or ends it in OpenSSH's words. */
import { readFileSync, statSync } from 'node:fs';
import { SshError } from '@nacre/ssh/errors';
import { isKeyRevocationList, type KeyRevocationList, readKeyRevocationList } from '@nacre/ssh/trust/revocation-list';
import { describeSystemError, Ending } from '../ending.ts';

export function loadKrl(path: string): KeyRevocationList {
  const bytes = readWhole(path);
  if (!isKeyRevocationList(bytes)) {
    throw new Ending(`Invalid KRL file ${path}: KRL file has invalid magic number`);
  }
  try {
    return readKeyRevocationList(bytes, { name: path });
  } catch (error) {
    if (!(error instanceof SshError)) throw error;
    const reason = error.code === 'unsupported' ? 'requested feature not supported' : 'invalid format';
    throw new Ending(`Invalid KRL file ${path}: ${reason} (${error.message})`);
  }
}

/** What one read can return; a revocation list may have far less. */
const maxFileBytes = 2 ** 31 - 1;

function readWhole(path: string): Buffer {
  try {
    if (statSync(path).size > maxFileBytes) throw Object.assign(new Error('EFBIG'), { code: 'EFBIG' });
    return readFileSync(path);
  } catch (error) {
    throw new Ending(`Unable to load KRL ${path}: ${describeSystemError(error)}`);
  }
}
