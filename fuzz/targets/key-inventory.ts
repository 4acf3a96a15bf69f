/** nacre keys list: any file that may lie in a person's folder. */

import { readdirSync, readFileSync, statSync } from 'node:fs';
import { classify } from 'nacre/dist/commands/keys/inventory/classify.js';
import type { FoundFile } from 'nacre/dist/commands/keys/inventory/files.js';
import { readKeyFacts } from 'nacre/dist/commands/keys/inventory/key-facts.js';
import { AccessTimes } from 'nacre/dist/commands/keys/inventory/mounts.js';
import { readers } from 'nacre/dist/commands/keys/inventory/readers.js';
import { relate } from 'nacre/dist/commands/keys/inventory/relations.js';
import type { FuzzTarget } from '../target.ts';

/** The built target lies in build/fuzz/targets. */
const vectors = new URL('../../../test/vectors/keys/', import.meta.url);
const files = readdirSync(vectors)
  .filter((name) => /ed25519|ecdsa/.test(name))
  .slice(0, 12)
  .map((name) => readFileSync(new URL(name, vectors)));
const line =
  files
    .find((bytes) => bytes.toString().startsWith('ssh-ed25519 '))
    ?.toString()
    .trim() ?? '';
const stats = statSync(vectors);
const context = { nowMs: Date.UTC(2030, 0, 1), keepsAccessTimes: () => true };

/** An inventory is about whatever lies there: nothing in a file may stop it, not even with an SshError. */
export const keyInventory: FuzzTarget = {
  name: 'key-inventory',
  seeds: [
    ...files,
    Buffer.from(`command="x",expiry-time="20200101" ${line}\ncert-authority ${line}\n`),
    Buffer.from(
      `host,*.test ${line}\n@revoked * ${line}\n|1|F1E1KeoE/eEWhi10WpGv4OdiO6Y=|3988QV0VE8wmZL7suNrYQLITLCg= ${line}\n`,
    ),
    Buffer.from(`me@test namespaces="git",valid-before="20200101" ${line}\n`),
  ],
  async run(input) {
    const text = input.toString('latin1');
    new AccessTimes(text).areKept('/');
    readKeyFacts(input);
    const drafts = [];
    for (const name of ['id', 'id.pub', 'known_hosts', 'authorized_keys', 'allowed_signers']) {
      const file: FoundFile = { path: `/nonexistent/${name}`, stats, identity: name, text };
      const kind = classify(file);
      if (kind === undefined) continue;
      try {
        drafts.push(...(await readers[kind](file, context)));
      } catch (error) {
        throw new Error(`${kind}: the inventory was stopped`, { cause: error });
      }
    }
    relate(drafts);
    for (const { expiresMs, validFromMs } of drafts) {
      for (const ms of [expiresMs, validFromMs]) if (ms !== undefined) new Date(ms).toISOString();
    }
  },
};
