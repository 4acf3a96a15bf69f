/** -h: where a key may be used, by the host keys that the known_hosts files give for each name. */
import { readFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import type { DestinationConstraint, DestinationHostKey } from '@nacre/ssh/agent';
import { type PublicKey, shortTypeName } from '@nacre/ssh/keys';
import { findHostEntries, type KnownHosts, type KnownHostsEntry, parseKnownHosts } from '@nacre/ssh/trust';
import { describeSystemError, Ending } from '../ssh-keygen/ending.ts';
import type { Request } from './request.ts';

const usualFiles = [
  '~/.ssh/known_hosts',
  '~/.ssh/known_hosts2',
  '/etc/ssh/ssh_known_hosts',
  '/etc/ssh/ssh_known_hosts2',
];

interface Hop {
  /** Undefined where none was written, which is not the same as an empty one. */
  readonly user: string | undefined;
  readonly host: string;
  readonly keys: readonly DestinationHostKey[];
}

/** Reads the rules `[user@]host` and `host>[user@]host`. Ends the tool for a host whose keys are not known. */
export function readDestinations(request: Request): DestinationConstraint[] {
  const { flags, log } = request;
  const lookup = new HostKeyLookup(request);
  return flags.destinations.map((rule, index) => {
    const arrow = rule.indexOf('>');
    const from = arrow < 0 ? undefined : lookup.readHop(rule.slice(0, arrow));
    const to = lookup.readHop(rule.slice(arrow + 1));
    if (from?.user !== undefined) {
      throw new Ending(`Invalid key constraint ${rule.slice(0, arrow)}: cannot specify user on 'from' host`);
    }
    log.debug(2, `parse_dest_constraint: constraint ${index}: ${shown(from, '(ORIGIN)')} > ${shown(to, '(ANY)')}`);
    return { from, to };
  });
}

function shown(hop: Hop | undefined, nameless: string): string {
  const user = hop?.user === undefined ? '' : `${hop.user}@`;
  return `${user}${hop?.host || nameless} (${hop?.keys.length ?? 0} keys)`;
}

class HostKeyLookup {
  readonly #request: Request;
  readonly #paths: readonly string[];
  readonly #files = new Map<string, KnownHosts | string>();

  constructor(request: Request) {
    this.#request = request;
    const { hostKeyFiles } = request.flags;
    this.#paths = (hostKeyFiles.length > 0 ? hostKeyFiles : usualFiles).map(expandHome);
  }

  readHop(text: string): Hop {
    const at = text.indexOf('@');
    const user = at < 0 ? undefined : text.slice(0, at);
    const host = text.slice(at + 1).replace(/^\[(.*)\]$/, '$1');
    if (host !== '') return { user, host, keys: this.#findKeys(user, host) };
    if (user !== undefined) return { user, host, keys: [] };
    throw new Ending(`Invalid key destination constraint "${text}": does not specify user or host`);
  }

  #findKeys(user: string | undefined, host: string): DestinationHostKey[] {
    const { log } = this.#request;
    const found = this.#paths.flatMap((path) => this.#findIn(path, host));
    if (found.length === 0) throw new Ending(`No host keys found for destination "${host}"`);
    const name = user === undefined ? host : `${user}@${host}`;
    return found.map(({ entry, key }, index) => {
      const isCertAuthority = entry.marker === 'cert-authority';
      const kind = `${shortTypeName(key)} ${isCertAuthority ? 'CA ' : ''}key`;
      log.debug(
        3,
        `parse_dest_constraint_hop: ${name}: adding ${kind} from ${entry.file}:${entry.line} as key ${index}`,
      );
      return { key, isCertAuthority };
    });
  }

  #findIn(path: string, host: string): { entry: KnownHostsEntry; key: PublicKey }[] {
    const { log } = this.#request;
    log.debug(2, `parse_dest_constraint_hop: looking up host keys for "${host}" in ${path}`);
    const file = this.#read(path);
    if (typeof file === 'string') {
      log.debug(1, `load_hostkeys: fopen ${path}: ${file}`);
      return [];
    }
    const found = findHostEntries([file], host)
      // What is revoked is no destination, and leads to none.
      .filter(({ marker }) => marker !== 'revoked')
      .flatMap((entry) => {
        const key = tryDecode(entry);
        return key === undefined ? [] : [{ entry, key }];
      });
    for (const { entry, key } of found) {
      const kind = entry.marker === undefined ? '' : 'ca ';
      log.debug(3, `record_hostkey: found ${kind}key type ${shortTypeName(key)} in file ${path}:${entry.line}`);
    }
    if (found.length > 0) log.debug(3, `load_hostkeys_file: loaded ${found.length} keys from ${host}`);
    return found;
  }

  /** The file, or why it cannot be read; read once, however many rules there are. */
  #read(path: string): KnownHosts | string {
    let file = this.#files.get(path);
    if (file === undefined) {
      file = readKnownHosts(path);
      this.#files.set(path, file);
    }
    return file;
  }
}

function readKnownHosts(path: string): KnownHosts | string {
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch (error) {
    return describeSystemError(error);
  }
  return parseKnownHosts(bytes, { name: path });
}

function tryDecode(entry: KnownHostsEntry): PublicKey | undefined {
  try {
    return entry.decodeKey();
  } catch {
    return undefined;
  }
}

function expandHome(path: string): string {
  return path.startsWith('~/') ? join(userInfo().homedir, path.slice(2)) : path;
}
