/** The words by which people ask for critical options and extensions: ssh-keygen -O, one word a time. */
import { addressListFlaw } from './address-blocks.ts';
import { badCertificate } from './key-error.ts';
import type { CertificateOptionValue } from './sign-certificate.ts';

/** A flag that a word turns on or off, in the section where it stands. */
interface FlagRow {
  readonly name: string;
  readonly section: CertificateSection;
  readonly on: string;
  readonly off: string;
  /** User certificates have it unless told otherwise. */
  readonly usual?: true;
}

export type CertificateSection = 'criticalOptions' | 'extensions';

/** Every flag that has words of its own. Words count whatever their case. */
const flags: readonly FlagRow[] = [
  permission('permit-X11-forwarding', 'no-x11-forwarding'),
  permission('permit-agent-forwarding', 'no-agent-forwarding'),
  permission('permit-port-forwarding', 'no-port-forwarding'),
  permission('permit-pty', 'no-pty'),
  permission('permit-user-rc', 'no-user-rc'),
  { name: 'no-touch-required', section: 'extensions', on: 'no-touch-required', off: 'touch-required' },
  { name: 'verify-required', section: 'criticalOptions', on: 'verify-required', off: 'no-verify-required' },
];

/** What one word asks for. */
export type CertificateOption =
  | { readonly kind: 'clear' }
  | { readonly kind: 'on'; readonly section: CertificateSection; readonly name: string }
  | { readonly kind: 'off'; readonly section: CertificateSection; readonly name: string }
  | {
      readonly kind: 'value';
      readonly section: CertificateSection;
      readonly name: string;
      readonly value: string | true;
    };

/**
 * Reads one word: `clear`, `permit-…` and `no-…`, `no-touch-required`, `verify-required` (and their opposites),
 * `force-command=…`, `source-address=…`, `critical:name[=value]`, `extension:name[=value]`.
 *
 * @throws SshError `misuse` in OpenSSH's words for any other, and for values that no server would take.
 * @example
 * parseCertificateOption('source-address=192.0.2.0/24');
 */
export function parseCertificateOption(word: string): CertificateOption {
  const lower = word.toLowerCase();
  if (lower === 'clear') return { kind: 'clear' };
  for (const { name, section, on, off } of flags) {
    if (lower === on.toLowerCase()) return { kind: 'on', section, name };
    if (lower === off) return { kind: 'off', section, name };
  }
  for (const name of ['force-command', 'source-address']) {
    if (!lower.startsWith(`${name}=`)) continue;
    const value = word.slice(name.length + 1);
    if (value === '') throw misuse(`Empty ${name} option`);
    const flaw = name === 'source-address' ? addressListFlaw(value) : undefined;
    if (flaw !== undefined) throw misuse(`Invalid source-address list (${flaw})`);
    return { kind: 'value', section: 'criticalOptions', name, value };
  }
  if (lower.startsWith('critical:')) return readNamed('criticalOptions', word.slice('critical:'.length));
  if (lower.startsWith('extension:')) return readNamed('extensions', word.slice('extension:'.length));
  throw misuse(`Unsupported certificate option "${word}"`);
}

/** The two sections of a request to `signCertificate`. */
export interface CertificateSections {
  readonly criticalOptions: Readonly<Record<string, CertificateOptionValue>>;
  readonly extensions: Readonly<Record<string, CertificateOptionValue>>;
}

/**
 * What a list of words asks for, taken in order: user certificates begin with every permission, host certificates with none.
 *
 * @param words - as `parseCertificateOption` takes them.
 * @throws SshError `misuse` for a wrong word, and for two that give one option two values.
 * @example
 * const sections = buildCertificateOptions('user', ['clear', 'permit-pty', 'force-command=/usr/bin/backup']);
 * await signCertificate({ subject, kind: 'user', keyId: 'backup', principals: ['backup'], ...sections }, ca);
 */
export function buildCertificateOptions(kind: 'user' | 'host', words: readonly string[]): CertificateSections {
  const flagsOn = new Set(kind === 'host' ? [] : flags.filter(({ usual }) => usual).map(({ name }) => name));
  // Records without a prototype: a name such as __proto__ is a name like any other.
  const sections = { criticalOptions: emptyRecord(), extensions: emptyRecord() };
  for (const word of words) {
    const option = parseCertificateOption(word);
    if (option.kind === 'clear') flagsOn.clear();
    else if (option.kind === 'on') flagsOn.add(option.name);
    else if (option.kind === 'off') flagsOn.delete(option.name);
    else addValue(sections[option.section], option.name, option.value, word);
  }
  for (const { name, section } of flags) if (flagsOn.has(name)) addValue(sections[section], name, true, name);
  return sections;
}

/** The permissions that user certificates have unless told otherwise, as ssh-keygen gives them. */
export const defaultUserExtensions: Readonly<Record<string, true>> = Object.fromEntries(
  flags.filter(({ usual }) => usual).map(({ name }) => [name, true]),
);

function permission(name: string, off: string): FlagRow {
  return { name, section: 'extensions', on: name, off, usual: true };
}

function emptyRecord(): Record<string, CertificateOptionValue> {
  return Object.create(null) as Record<string, CertificateOptionValue>;
}

function readNamed(section: CertificateSection, text: string): CertificateOption {
  const equals = text.indexOf('=');
  const name = equals < 0 ? text : text.slice(0, equals);
  if (!/^[\x21-\x7e]+$/.test(name)) {
    throw misuse(
      `the name of a certificate option is ASCII without blanks, for example name@example.com, not "${name}"`,
    );
  }
  return { kind: 'value', section, name, value: equals < 0 ? true : text.slice(equals + 1) };
}

/** A name twice would let two readers see two certificates; the same value twice is said once. */
function addValue(
  section: Record<string, CertificateOptionValue>,
  name: string,
  value: string | true,
  word: string,
): void {
  const earlier = section[name];
  if (earlier !== undefined && (name === 'force-command' || name === 'source-address')) {
    throw misuse(`${name} already specified`);
  }
  if (earlier !== undefined && earlier !== value) throw misuse(`"${word}" gives ${name} a second value`);
  section[name] = value;
}

function misuse(message: string): Error {
  return badCertificate(message, { code: 'misuse' });
}
