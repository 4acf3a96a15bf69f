/** UpdateHostKeys: a server tells its keys after login; new ones are proved and written down, old ones are taken out. */
import { toSshError } from '../errors.ts';
import { type FingerprintHash, fingerprint, shortTypeName } from '../keys/index.ts';
import type { PublicKey } from '../keys/types.ts';
import { hostKeyAlgorithms } from '../transport/index.ts';
import {
  addHost,
  formatHostName,
  planRotation,
  type RotationChange,
  type RotationNames,
  type RotationPlan,
  rotateHostKeys,
} from '../trust/index.ts';
import type { HostKeyAnnouncement } from './host-key-policy.ts';
import { appendHost, isThere, loadKnownHosts, rewriteKnownHosts } from './known-hosts-files.ts';
import type { OnTrustEvent, TrustEventLevel } from './trust-event.ts';

export interface LearnHostKeysOptions {
  readonly host: string;
  readonly port: number;
  /** The name in place of host and port (HostKeyAlias). */
  readonly alias?: string | undefined;
  /** The address that was connected to, where addresses are looked up (CheckHostIP). */
  readonly address?: string | undefined;
  /** The person's own files. Keys are added to the first one, and taken out of all. */
  readonly userFiles: readonly string[];
  /** HostKeyAlgorithms: a key that none of them is for counts as one that the server does not have. Default: all but legacy ones. */
  readonly algorithms?: readonly string[] | undefined;
  /** Write names hashed (HashKnownHosts). */
  readonly hashNames?: boolean | undefined;
  readonly fingerprintHash?: FingerprintHash | undefined;
  /** Asked before anything is written (UpdateHostKeys=ask); only true is a yes. */
  readonly ask?: ((update: HostKeyUpdate) => Promise<boolean>) | undefined;
  readonly onEvent?: OnTrustEvent | undefined;
}

export interface HostKeyUpdate {
  /** Keys that the server has proved. */
  readonly newKeys: readonly PublicKey[];
  /** Keys on file that it does not have any more. */
  readonly oldKeys: readonly PublicKey[];
  /** What a person wants to read before the answer. */
  readonly lines: readonly string[];
}

/** What came of it; `left-alone` where lines of the files say more than a program may change. */
export type LearnedHostKeys = 'unchanged' | 'left-alone' | 'unproved' | 'declined' | 'updated' | 'failed';

/**
 * Brings the person's known_hosts files to the keys that a server announced. To be called only for a server whose key was
 * trusted through a plain line of these files, or by the person's own yes: not through an authority, a file of the machine, or
 * without any verification.
 *
 * A first file that is not there is made; OpenSSH takes the lines out of the others and then adds none.
 *
 * @returns what was done; files that cannot be read or written give `failed` and an event that says why.
 * @throws SshError where a proof is wrong, which ends the connection, and where the connection ended on the way.
 * @example
 * const server = await connect(host, { hostKeys, onHostKeys: (announcement) => learnHostKeys(announcement, {
 *   host, port: 22, userFiles: [join(homedir(), '.ssh/known_hosts')],
 * }) });
 */
export async function learnHostKeys(
  announcement: HostKeyAnnouncement,
  options: LearnHostKeysOptions,
): Promise<LearnedHostKeys> {
  return new Learning(announcement, options).run();
}

class Learning {
  readonly #announcement: HostKeyAnnouncement;
  readonly #options: LearnHostKeysOptions;
  readonly #names: RotationNames;

  constructor(announcement: HostKeyAnnouncement, options: LearnHostKeysOptions) {
    const { host, port, alias, address } = options;
    this.#announcement = announcement;
    this.#options = options;
    this.#names = {
      host: alias === undefined ? { host, port } : { host: alias, port: 22 },
      address: address === undefined ? undefined : { host: address, port },
    };
  }

  async run(): Promise<LearnedHostKeys> {
    const keys = this.#announcement.keys.filter((key) => this.#isAccepted(key));
    if (keys.length === 0) {
      this.#tell('debug1', 'client_input_hostkeys: server sent no hostkeys');
      return 'unchanged';
    }
    const plan = await this.#plan(keys);
    if (plan === undefined) return 'failed';
    for (const note of plan.notes) this.#tell('debug3', `hostkeys_find: ${note}`);
    if (plan.status === 'unchanged') {
      this.#tell('debug1', 'client_input_hostkeys: no new or deprecated keys from server');
      return 'unchanged';
    }
    if (plan.status === 'left-alone') {
      this.#tell('debug1', `client_input_hostkeys: ${this.#wordsOf(plan)}`);
      return 'left-alone';
    }
    if (plan.newKeys.length > 0) {
      const count = plan.newKeys.length;
      this.#tell('debug3', `client_input_hostkeys: asking server to prove ownership for ${count} keys`);
      if ((await this.#announcement.prove(plan.newKeys)) === undefined) {
        this.#tell('error', 'Server failed to confirm ownership of private host keys');
        return 'unproved';
      }
    }
    if (!(await this.#isWanted(plan))) return 'declined';
    return (await this.#write(keys)) ? 'updated' : 'failed';
  }

  #isAccepted(key: PublicKey): boolean {
    const { algorithms } = this.#options;
    const rows = hostKeyAlgorithms.filter((row) => !row.certificate && row.keyType === key.type);
    if (rows.some((row) => (algorithms === undefined ? !row.legacy : algorithms.includes(row.name)))) return true;
    this.#tell('debug3', `client_input_hostkeys: ${key.type} key not permitted by HostkeyAlgorithms`);
    return false;
  }

  async #plan(keys: readonly PublicKey[]): Promise<RotationPlan | undefined> {
    const { userFiles } = this.#options;
    try {
      for (const file of userFiles) {
        const { address } = this.#names;
        const name = address === undefined ? '(none)' : formatHostName(address.host, address.port);
        this.#tell('debug1', `client_input_hostkeys: searching ${file} for ${this.#hostName} / ${name}`);
        if (!(await isThere(file))) {
          this.#tell('debug1', `client_input_hostkeys: hostkeys file ${file} does not exist`);
        }
      }
      return planRotation(await loadKnownHosts(userFiles), this.#names, keys);
    } catch (error) {
      this.#tell('error', `client_input_hostkeys: ${reasonOf(error)}`);
      return undefined;
    }
  }

  #wordsOf(plan: Extract<RotationPlan, { status: 'left-alone' }>): string {
    switch (plan.obstacle) {
      case 'complex-line':
        return 'CA/revocation marker, manual host list or wildcard host pattern found, skipping UserKnownHostsFile update';
      case 'other-name':
        return 'host key found matching a different name/address, skipping UserKnownHostsFile update';
      case 'old-key-elsewhere':
        return `key(s) for ${this.#bothNames} exist under other names; skipping UserKnownHostsFile update`;
    }
  }

  async #isWanted({ newKeys, oldKeys }: Extract<RotationPlan, { status: 'update' }>): Promise<boolean> {
    const { ask } = this.#options;
    const lines = [
      ...newKeys.map((key) => `Learned new hostkey: ${this.#describe(key)}`),
      ...oldKeys.map((key) => `Deprecating obsolete hostkey: ${this.#describe(key)}`),
    ];
    if (ask === undefined) {
      for (const line of lines) this.#tell('verbose', line);
      return true;
    }
    return (await ask({ newKeys, oldKeys, lines: [...preamble, ...lines] })) === true;
  }

  /** The first file first: what it cannot take must not be taken out of the others. */
  async #write(keys: readonly PublicKey[]): Promise<boolean> {
    const { userFiles, hashNames = false } = this.#options;
    let allWritten = true;
    for (const [index, file] of userFiles.entries()) {
      const present = index === 0 ? keys : [];
      let changes: readonly RotationChange[] = [];
      try {
        if (await isThere(file)) {
          await rewriteKnownHosts(file, (text) => {
            const rotated = rotateHostKeys(text, this.#names, present, { name: file, hashed: hashNames });
            changes = rotated.changes;
            return rotated.text;
          });
        } else if (index === 0) {
          await this.#create(file, keys);
          changes = keys.map((key) => ({ kind: 'added', key }));
        } else {
          this.#tell('debug1', `update_known_hosts: known hosts file ${file} does not exist`);
        }
      } catch (error) {
        this.#tell('error', `update_known_hosts: hostfile_replace_entries failed for ${file}: ${reasonOf(error)}`);
        if (index === 0) return false;
        allWritten = false;
        continue;
      }
      for (const change of changes) this.#tell('verbose', this.#wordsOfChange(change, file));
    }
    return allWritten;
  }

  async #create(file: string, keys: readonly PublicKey[]): Promise<void> {
    const { host, address } = this.#names;
    const hashed = this.#options.hashNames ?? false;
    await appendHost(file, (text) =>
      keys.reduce((all, key) => addHost(all, { ...host, key, hashed, also: address }), text),
    );
  }

  #wordsOfChange({ kind, key, line }: RotationChange, file: string): string {
    if (kind === 'removed') return `${file}:${line}: Removed ${shortTypeName(key)} key for host ${this.#hostName}`;
    const words = changeWords[kind];
    const shown = fingerprint(key, this.#options.fingerprintHash);
    return `${words} for ${this.#bothNames} to ${file}: ${key.type} ${shown}`;
  }

  #describe(key: PublicKey): string {
    return `${shortTypeName(key)} ${fingerprint(key, this.#options.fingerprintHash)}`;
  }

  get #hostName(): string {
    return formatHostName(this.#names.host.host, this.#names.host.port);
  }

  get #bothNames(): string {
    const { address } = this.#names;
    return address === undefined ? this.#hostName : `${this.#hostName},${formatHostName(address.host, address.port)}`;
  }

  #tell(level: TrustEventLevel, text: string): void {
    this.#options.onEvent?.({ level, text });
  }
}

const preamble = [
  'The server has updated its host keys.',
  "These changes were verified by the server's existing trusted key.",
];

const changeWords = {
  added: 'Adding new key',
  'host-added': 'Fixing match (hostname)',
  'address-added': 'Fixing match (address)',
} as const;

function reasonOf(error: unknown): string {
  return toSshError(error, { code: 'bad-file', stage: 'trust' }).message;
}
