/** Destination constraints on the wire: which hops a key may take (PROTOCOL.agent, restrict-destination-v00@openssh.com). */
import { SshError } from '../errors.ts';
import { decodePublicKey } from '../keys/index.ts';
import type { PublicKey } from '../keys/types.ts';
import { maxAgentDestinationKeys, maxAgentDestinations } from '../limits.ts';
import { declareStructure, fields, WireReader, WireWriter } from '../wire/index.ts';

/** One hop that a key may take (PROTOCOL.agent §2.4). */
export interface DestinationConstraint {
  /** Where the hop starts; undefined means where the agent is. */
  readonly from: DestinationHost | undefined;
  readonly to: DestinationHost & {
    /** The user to log in as, a pattern; undefined or empty means any. */
    readonly user?: string | undefined;
  };
}

/** A host of a destination constraint: its name is for people, its keys are what counts. */
export interface DestinationHost {
  readonly host: string;
  readonly keys: readonly DestinationHostKey[];
}

export interface DestinationHostKey {
  readonly key: PublicKey;
  /** The key is a CA, and the host shows a certificate of it that names `host`. */
  readonly isCertAuthority: boolean;
}

const constraint = declareStructure('destination constraint', {
  from: fields.string,
  to: fields.string,
  reserved: fields.string,
});

/** `keys` holds, to its end, a key and whether it is a CA. */
const hop = declareStructure('host of a destination constraint', {
  user: fields.text,
  host: fields.text,
  reserved: fields.string,
  keys: fields.rest,
});

const nothing = Buffer.alloc(0);

/** @throws SshError `misuse` for a host without a name or without keys, which no agent would take. */
export function encodeDestinations(destinations: readonly DestinationConstraint[]): Buffer {
  const writer = new WireWriter(1024);
  for (const { from, to } of destinations) {
    writer.string(
      constraint.encode({
        from: from === undefined ? encodeHop({ host: '', keys: [] }, '') : encodeHop(requireNamed(from), ''),
        to: encodeHop(requireNamed(to), to.user ?? ''),
        reserved: nothing,
      }),
    );
  }
  return writer.finish();
}

/** @throws SshError where they are cut, say more than is known here, or contradict themselves. */
export function decodeDestinations(bytes: Uint8Array): DestinationConstraint[] {
  const reader = new WireReader(bytes, 'the destination constraints');
  const destinations: DestinationConstraint[] = [];
  while (reader.remaining > 0) {
    if (destinations.length >= maxAgentDestinations) {
      throw reader.error(`more than ${maxAgentDestinations} hops`);
    }
    const { from, to, reserved } = constraint.decode(reader.string('destination'));
    // Whatever is reserved may narrow the constraint: what is not understood cannot be kept.
    if (reserved.length > 0) throw reader.error('an extension that is not known here');
    const start = decodeHop(from);
    const end = decodeHop(to);
    if ((start.host === '') !== (start.keys.length === 0) || start.user !== '') {
      throw reader.error('the start of a hop has a user, or a name without keys, or keys without a name');
    }
    if (end.host === '' || end.keys.length === 0) throw reader.error('the end of a hop lacks its name or its keys');
    destinations.push({
      from: start.host === '' ? undefined : { host: start.host, keys: start.keys },
      to: { host: end.host, keys: end.keys, user: end.user === '' ? undefined : end.user },
    });
  }
  return destinations;
}

function encodeHop({ host, keys }: DestinationHost, user: string): Buffer {
  const writer = new WireWriter(512);
  for (const { key, isCertAuthority } of keys) writer.string(key.blob).boolean(isCertAuthority);
  return hop.encode({ user, host, reserved: nothing, keys: writer.finish() });
}

function decodeHop(bytes: Uint8Array): DestinationHost & { readonly user: string } {
  const { user, host, reserved, keys: listed } = hop.decode(bytes);
  const reader = new WireReader(listed, hop.name);
  if (reserved.length > 0) throw reader.error('an extension that is not known here');
  if (user.includes('\0') || host.includes('\0')) throw reader.error('a name holds a NUL');
  const keys: DestinationHostKey[] = [];
  while (reader.remaining > 0) {
    if (keys.length >= maxAgentDestinationKeys) throw reader.error(`more than ${maxAgentDestinationKeys} keys`);
    // A copy: the message that brought it is not to be kept for the sake of one key.
    const key = decodePublicKey(Buffer.from(reader.string('host key')));
    keys.push({ key, isCertAuthority: reader.boolean('is a CA') });
  }
  return { user, host, keys };
}

function requireNamed(host: DestinationHost): DestinationHost {
  if (host.host !== '' && host.keys.length > 0) return host;
  throw new SshError('a destination constraint needs the name of a host and its keys', {
    code: 'misuse',
    stage: 'agent',
    remedy: 'Look the host up in known_hosts first.',
  });
}
