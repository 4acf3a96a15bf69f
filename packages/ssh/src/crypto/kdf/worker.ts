/** The worker thread of key derivation: one job, one reply. Started by run-job.ts, never imported. */
import { parentPort, workerData } from 'node:worker_threads';
import type { Argon2Job, BcryptJob, KdfJob, KdfReply } from './jobs.ts';

async function run(job: KdfJob): Promise<KdfReply> {
  try {
    return { key: job.kind === 'bcrypt' ? await deriveBcrypt(job) : await deriveArgon2(job) };
  } catch (error) {
    return { failure: error instanceof Error ? error.message : String(error) };
  }
}

async function deriveBcrypt(job: BcryptJob): Promise<Uint8Array> {
  const { default: bcrypt } = await import('bcrypt-pbkdf');
  const key = new Uint8Array(job.keyBytes);
  const { passphrase, salt } = job;
  if (bcrypt.pbkdf(passphrase, passphrase.length, salt, salt.length, key, key.length, job.rounds) !== 0) {
    throw new Error('bcrypt_pbkdf refused its parameters');
  }
  return key;
}

async function deriveArgon2(job: Argon2Job): Promise<Uint8Array> {
  const { argon2d, argon2i, argon2id } = await import('@noble/hashes/argon2.js');
  const derive = { argon2d, argon2i, argon2id }[job.variant];
  return derive(job.password, job.salt, {
    t: job.passes,
    m: job.memoryKib,
    p: job.lanes,
    dkLen: job.keyBytes,
    key: job.secret,
    personalization: job.data,
    // Its own limit is a round gigabyte with the bookkeeping counted in; the caller has checked ours.
    maxmem: 2 ** 31,
  });
}

parentPort?.postMessage(await run(workerData as KdfJob));
