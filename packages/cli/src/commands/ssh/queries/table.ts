/** What -Q lists: a row a question. */
import { ciphers, macs } from '@nacre/ssh/crypto';
import { publicKeyAlgorithms } from '@nacre/ssh/keys';
import { compressions, kexNames } from '@nacre/ssh/transport';

export interface QueryRow {
  readonly name: string;
  /** Keywords that mean the same. */
  readonly aliases?: readonly string[];
  answer(): readonly string[];
}

const keyTypeNames = (isCertificate: boolean) => [
  ...new Set(publicKeyAlgorithms.filter((row) => row.certificate === isCertificate).map((row) => row.keyType)),
];
const algorithmNames = (rows: readonly { readonly name: string }[]) => rows.map((row) => row.name);
const signatureNames = (withCertificates: boolean) =>
  algorithmNames(publicKeyAlgorithms.filter((row) => withCertificates || !row.certificate));

export const queries: readonly QueryRow[] = [
  { name: 'cipher', aliases: ['ciphers'], answer: () => algorithmNames(ciphers) },
  { name: 'cipher-auth', answer: () => algorithmNames(ciphers.filter((cipher) => cipher.aead)) },
  { name: 'compression', aliases: ['compression'], answer: () => ['none', ...compressionNames()] },
  { name: 'kex', aliases: ['kexalgorithms'], answer: () => kexNames },
  { name: 'key', answer: () => [...keyTypeNames(false), ...keyTypeNames(true)] },
  { name: 'key-ca-sign', aliases: ['casignaturealgorithms'], answer: () => signatureNames(false) },
  { name: 'key-cert', answer: () => keyTypeNames(true) },
  { name: 'key-plain', answer: () => keyTypeNames(false) },
  {
    name: 'key-sig',
    aliases: [
      'hostkeyalgorithms',
      'pubkeyacceptedalgorithms',
      'pubkeyacceptedkeytypes',
      'hostbasedacceptedalgorithms',
      'hostbasedkeytypes',
      'hostbasedacceptedkeytypes',
    ],
    answer: () => signatureNames(true),
  },
  { name: 'mac', aliases: ['macs'], answer: () => algorithmNames(macs) },
  { name: 'protocol-version', answer: () => ['2'] },
  { name: 'sig', answer: () => signatureNames(false) },
];

/** The names that -Q takes. */
export function queryNames(): string[] {
  return [...queries.map((row) => row.name), 'help'].sort();
}

export function findQuery(name: string): QueryRow | undefined {
  const lower = name.toLowerCase();
  return queries.find((row) => row.name === lower || row.aliases?.includes(lower));
}

function compressionNames(): string[] {
  return compressions.map(({ name }) => name).filter((name) => name !== 'none');
}
