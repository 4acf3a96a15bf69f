/** Runs a key derivation in a worker thread, so that a slow one does not hold up every connection of the process. */
import { Worker } from 'node:worker_threads';
import { SshError } from '../../errors.ts';
import type { KdfJob, KdfReply } from './jobs.ts';

// From source the files end in .ts, built in .js; the compiler rewrites imports, not addresses.
const workerUrl = new URL(import.meta.url.endsWith('.ts') ? './worker.ts' : './worker.js', import.meta.url);

/**
 * @returns the derived key.
 * @throws SshError stage `key`: `aborted` by the signal, `unsupported` where the derivation or its thread fails.
 */
export async function runKdfJob(job: KdfJob, signal?: AbortSignal): Promise<Buffer> {
  if (signal?.aborted) throw aborted(signal);
  const worker = new Worker(workerUrl, { workerData: job });
  let onAbort: (() => void) | undefined;
  try {
    const reply = await new Promise<KdfReply>((resolve, reject) => {
      onAbort = () => reject(aborted(signal));
      signal?.addEventListener('abort', onAbort, { once: true });
      worker.once('message', resolve);
      worker.once('error', (error) => reject(failed('its thread failed', error)));
      worker.once('exit', (code) => reject(failed(`its thread ended with code ${code}`)));
    });
    if ('failure' in reply) throw failed(reply.failure);
    return Buffer.from(reply.key.buffer, reply.key.byteOffset, reply.key.length);
  } finally {
    if (onAbort !== undefined) signal?.removeEventListener('abort', onAbort);
    await worker.terminate();
  }
}

function aborted(signal: AbortSignal | undefined): SshError {
  return new SshError('the key derivation was aborted', { code: 'aborted', stage: 'key', cause: signal?.reason });
}

function failed(why: string, cause?: unknown): SshError {
  return new SshError(`key derivation failed: ${why}`, { code: 'unsupported', stage: 'key', cause });
}
