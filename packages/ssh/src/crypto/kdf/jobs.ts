/** Key derivation jobs as they travel to the worker thread. */

export type KdfJob = BcryptJob | Argon2Job;

export interface BcryptJob {
  kind: 'bcrypt';
  passphrase: Uint8Array;
  salt: Uint8Array;
  rounds: number;
  keyBytes: number;
}

export type Argon2Variant = 'argon2d' | 'argon2i' | 'argon2id';

export interface Argon2Job {
  kind: 'argon2';
  variant: Argon2Variant;
  password: Uint8Array;
  salt: Uint8Array;
  memoryKib: number;
  passes: number;
  lanes: number;
  keyBytes: number;
  secret: Uint8Array;
  data: Uint8Array;
}

/** What the worker answers: the key, or why there is none. */
export type KdfReply = { key: Uint8Array } | { failure: string };
