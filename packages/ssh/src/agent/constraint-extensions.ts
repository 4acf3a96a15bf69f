/** The constraints that have names instead of numbers: a row each, in the order in which they are sent. */
import { decodePublicKey } from '../keys/index.ts';
import type { PublicKey } from '../keys/types.ts';
import { maxAgentCertificates } from '../limits.ts';
import { WireReader, WireWriter } from '../wire/index.ts';
import type { AgentConstraints, AssociatedCertificates, ConstraintSubject } from './constraint-types.ts';
import { decodeDestinations, encodeDestinations } from './destinations.ts';

export interface ConstraintExtension {
  readonly name: string;
  /** The field of `AgentConstraints` that it fills. */
  readonly field: keyof AgentConstraints;
  /** What it may be put on. */
  readonly subjects: readonly ConstraintSubject[];
  /** Its contents; undefined where the constraint is not asked for. */
  encode(constraints: AgentConstraints): Uint8Array | undefined;
  decode(reader: WireReader): AgentConstraints;
}

export const constraintExtensions: readonly ConstraintExtension[] = [
  {
    name: 'sk-provider@openssh.com',
    field: 'securityKeyProvider',
    subjects: ['key'],
    encode: ({ securityKeyProvider }) =>
      securityKeyProvider === undefined ? undefined : new WireWriter().string(securityKeyProvider).finish(),
    decode: (reader) => ({ securityKeyProvider: reader.text('provider', maxProviderBytes) }),
  },
  {
    name: 'restrict-destination-v00@openssh.com',
    field: 'destinations',
    subjects: ['key', 'smartcard'],
    // An empty list is sent as well: left out it would mean "anywhere".
    encode: ({ destinations }) =>
      destinations === undefined ? undefined : new WireWriter().string(encodeDestinations(destinations)).finish(),
    decode: (reader) => {
      const destinations = decodeDestinations(reader.string('destinations'));
      // OpenSSH takes such a key as one without limits, which is not what a person who names it meant.
      if (destinations.length === 0) throw reader.error('a list of destinations with nothing in it');
      return { destinations };
    },
  },
  {
    name: 'associated-certs-v00@openssh.com',
    field: 'associatedCertificates',
    subjects: ['smartcard'],
    encode: ({ associatedCertificates }) =>
      associatedCertificates === undefined ? undefined : encodeCertificates(associatedCertificates),
    decode: (reader) => ({ associatedCertificates: decodeCertificates(reader) }),
  },
];

/** A path. */
const maxProviderBytes = 4096;

function encodeCertificates({ certificatesOnly, certificates }: AssociatedCertificates): Uint8Array {
  const list = certificates.reduce((writer, { blob }) => writer.string(blob), new WireWriter());
  return new WireWriter().boolean(certificatesOnly).string(list.finish()).finish();
}

function decodeCertificates(reader: WireReader): AssociatedCertificates {
  const certificatesOnly = reader.boolean('certificates only');
  const list = new WireReader(reader.string('certificates'), 'the associated certificates');
  const certificates: PublicKey[] = [];
  while (list.remaining > 0) {
    if (certificates.length >= maxAgentCertificates) throw list.error(`more than ${maxAgentCertificates} certificates`);
    certificates.push(decodePublicKey(Buffer.from(list.string('certificate'))));
  }
  return { certificatesOnly, certificates };
}
