/** What PKCS#1, SEC1 and PKCS#8 files share: PEM blocks that OpenSSL opens and writes. */
import {
  decodePrivateContainer,
  encodePrivateContainer,
  type KeyContainer,
} from '../../../crypto/signatures/key-container.ts';
import { SshError } from '../../../errors.ts';
import { badKey } from '../../key-error.ts';
import { privateKeyFromNumbers, privateNumbers } from '../../private-key.ts';
import type { PrivateKey } from '../../types.ts';
import {
  encodePassphrase,
  type FormatOptions,
  type ParseOptions,
  type PrivateKeyFormat,
  requirePassphrase,
  wrongPassphrase,
} from '../format.ts';
import { decodeBase64, encodeBase64Lines, findBlock } from './armor.ts';

/** @param kind - the one kind of key that the container holds, if it is for one only. */
export function createContainerFormat(
  name: KeyContainer,
  label: string,
  kind: 'rsa' | 'ecdsa' | undefined,
): PrivateKeyFormat {
  const labels = name === 'pkcs8' ? [label, `ENCRYPTED ${label}`] : [label];
  return {
    name,
    recognises: (text) => labels.some((each) => text.includes(`-----BEGIN ${each}-----`)),
    isEncrypted: (text) => readBlock(text, labels).encrypted,
    read: (text, options) => read(text, labels, options),
    write: async (key, options) => write(key, name, kind, options),
  };
}

interface Block {
  /** The block alone, as OpenSSL wants it. */
  readonly pem: string;
  readonly encrypted: boolean;
}

function readBlock(text: string, labels: readonly string[]): Block {
  for (const label of labels) {
    const content = findBlock(text, label);
    if (content === undefined) continue;
    const { headers, base64 } = splitHeaders(content);
    const body = encodeBase64Lines(decodeBase64(base64, 'private key file'), 64);
    const pem = `-----BEGIN ${label}-----\n${headers}${body}-----END ${label}-----\n`;
    return { pem, encrypted: label.startsWith('ENCRYPTED') || /^Proc-Type:\s*4,\s*ENCRYPTED/m.test(headers) };
  }
  throw badKey(`the private key file has no "-----END ${labels[0]}-----" line: it is cut`);
}

/** RFC 1421 headers (`Proc-Type`, `DEK-Info`) end with an empty line. */
function splitHeaders(content: string): { headers: string; base64: string } {
  const lines = content.replace(/\r\n?/g, '\n').replace(/^\n+/, '');
  if (!/^[A-Za-z-]+:/.test(lines)) return { headers: '', base64: lines };
  const end = lines.indexOf('\n\n');
  if (end < 0) throw badKey('the private key file has PEM headers without an empty line after them');
  return { headers: lines.slice(0, end + 2), base64: lines.slice(end + 2) };
}

async function read(text: string, labels: readonly string[], options: ParseOptions): Promise<PrivateKey> {
  const { pem, encrypted } = readBlock(text, labels);
  const passphrase = encrypted ? await requirePassphrase(options) : undefined;
  try {
    return privateKeyFromNumbers(decodePrivateContainer(pem, passphrase), '', options.name);
  } catch (error) {
    if (error instanceof SshError && error.code === 'bad-passphrase') throw wrongPassphrase(options, error.cause);
    throw error;
  }
}

function write(key: PrivateKey, name: KeyContainer, kind: string | undefined, options: FormatOptions): string {
  const numbers = privateNumbers(key);
  if (numbers.kind === 'sk' || (kind !== undefined && numbers.kind !== kind)) {
    throw badKey(`a ${key.type} key cannot be written as ${name}`, {
      code: 'unsupported',
      remedy: 'Write it in the openssh format, which holds every key type.',
    });
  }
  return encodePrivateContainer(numbers, name, encodePassphrase(options.passphrase));
}
