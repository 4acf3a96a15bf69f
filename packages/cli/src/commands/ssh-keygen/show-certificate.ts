/** ssh-keygen -L: what certificates say. */
import {
  type Certificate,
  decodeSignature,
  fingerprint,
  type PublicKey,
  parsePublicKey,
  shortTypeName,
} from '@nacre/ssh/keys';
import { WireReader } from '@nacre/ssh/wire';
import { chooseFile } from './ask.ts';
import { describe } from './ending.ts';
import type { KeygenFlags } from './flags.ts';
import { readKeyList } from './key-input.ts';
import { printable } from './text.ts';

export function run(flags: KeygenFlags): number {
  const path = chooseFile(flags, 'Enter file in which the key is');
  const { text, name } = readKeyList(path);
  let found = false;
  for (const [index, line] of text.split('\n').entries()) {
    const trimmed = line.replace(/\r$/, '').replace(/^[ \t]+/, '');
    if (trimmed === '' || trimmed.startsWith('#')) continue;
    const place = `${name}:${index + 1}`;
    const key = readKey(trimmed, place);
    if (key === undefined) continue;
    if (key.certificate === undefined) {
      process.stderr.write(`${place} is not a certificate\n`);
      continue;
    }
    found = true;
    process.stdout.write(`${path !== '-' && index === 0 ? name : place}:\n${formatCertificate(key, key.certificate)}`);
  }
  return found ? 0 : 1;
}

function readKey(line: string, place: string): PublicKey | undefined {
  try {
    return parsePublicKey(line).key;
  } catch (error) {
    process.stderr.write(`${place}: invalid key: ${describe(error)}\n`);
    return undefined;
  }
}

const indent = ' '.repeat(8);
const deeper = ' '.repeat(16);

function formatCertificate(key: PublicKey, certificate: Certificate): string {
  const { kind, signatureKey, signature, keyId, serial, principals, criticalOptions, extensions } = certificate;
  const lines = [
    `Type: ${key.type} ${kind} certificate`,
    `Public key: ${shortTypeName(key)} ${fingerprint(key)}`,
    `Signing CA: ${shortTypeName(signatureKey)} ${fingerprint(signatureKey)} (using ${algorithmOf(signature)})`,
    `Key ID: "${printable(latin1(keyId))}"`,
    `Serial: ${serial}`,
    `Valid: ${formatValidity(certificate)}`,
    `Principals: ${formatList(principals.map((name) => printable(latin1(name))))}`,
    `Critical Options: ${formatList(formatOptions(criticalOptions, criticalTexts, []))}`,
    `Extensions: ${formatList(formatOptions(extensions, [], knownExtensions))}`,
  ];
  return lines.map((line) => `${indent}${line}\n`).join('');
}

function algorithmOf(signature: Buffer): string {
  try {
    return decodeSignature(signature).algorithm;
  } catch {
    return 'unknown';
  }
}

function formatList(lines: readonly string[]): string {
  return lines.length === 0 ? '(none)' : `\n${lines.map((line) => `${deeper}${line}`).join('\n')}`;
}

const criticalTexts = ['force-command', 'source-address'];
const knownExtensions = [
  'permit-X11-forwarding',
  'permit-agent-forwarding',
  'permit-port-forwarding',
  'permit-pty',
  'permit-user-rc',
  'no-touch-required',
];

function formatOptions(
  options: ReadonlyMap<string, Buffer>,
  texts: readonly string[],
  known: readonly string[],
): string[] {
  return [...options].map(([name, data]) => {
    if (texts.includes(name)) return `${name} ${printable(readText(data))}`;
    if (known.includes(name) || (texts.length > 0 && name === 'verify-required')) return name;
    if (data.length === 0) return `${name} UNKNOWN FLAG OPTION`;
    return `${name} UNKNOWN OPTION: ${data.toString('hex')} (len ${data.length})`;
  });
}

function readText(data: Buffer): string {
  try {
    return new WireReader(data).string().toString('latin1');
  } catch {
    return '(malformed)';
  }
}

const noEnd = 2n ** 64n - 1n;

function formatValidity({ validAfter, validBefore }: Certificate): string {
  if (validAfter === 0n && validBefore === noEnd) return 'forever';
  if (validAfter === 0n) return `before ${formatTime(validBefore)}`;
  if (validBefore === noEnd) return `after ${formatTime(validAfter)}`;
  return `from ${formatTime(validAfter)} to ${formatTime(validBefore)}`;
}

/** The last second that a Date can tell. */
const lastSecond = 8_640_000_000_000n;

/** Local time, as ssh-keygen prints it. */
function formatTime(seconds: bigint): string {
  const time = new Date(Number(seconds > lastSecond ? lastSecond : seconds) * 1000);
  const two = (number: number): string => String(number).padStart(2, '0');
  const date = [time.getFullYear(), two(time.getMonth() + 1), two(time.getDate())].join('-');
  return `${date}T${[time.getHours(), time.getMinutes(), time.getSeconds()].map(two).join(':')}`;
}

function latin1(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1');
}
