/** The text of PuTTY's private key files: lines `Name: value` in a fixed order and two base64 blocks. */
import { maxArgon2Lanes, maxArgon2MemoryKib, maxArgon2Passes, maxKeyFileBytes } from '../../../limits.ts';
import { badKey } from '../../key-error.ts';
import { decodeBase64 } from '../pem/armor.ts';

export interface PpkFields {
  readonly version: 2 | 3;
  readonly algorithm: string;
  readonly encryption: 'none' | 'aes256-cbc';
  /** The bytes as they stand: the MAC covers them. */
  readonly comment: Buffer;
  readonly publicBlob: Buffer;
  /** Present in encrypted files of version 3. */
  readonly derivation: PpkDerivation | undefined;
  readonly privateBlob: Buffer;
  readonly mac: Buffer;
}

export interface PpkDerivation {
  readonly variant: 'argon2d' | 'argon2i' | 'argon2id';
  readonly memoryKib: number;
  readonly passes: number;
  readonly lanes: number;
  readonly salt: Buffer;
}

/** @param text - the file as latin1, one character a byte. */
export function readPpkFields(text: string): PpkFields {
  const lines = new Lines(text);
  const head = /^PuTTY-User-Key-File-(\d+): (.*)$/.exec(lines.next('PuTTY-User-Key-File-3'));
  if (head === null) throw badKey('expected "PuTTY-User-Key-File-3: type" in the first line of the PPK file');
  const version = requireVersion(head[1] as string);
  const encryption = lines.value('Encryption');
  if (encryption !== 'none' && encryption !== 'aes256-cbc') {
    throw badKey(`the PPK file is encrypted with unknown cipher "${encryption}"`);
  }
  const comment = Buffer.from(lines.value('Comment'), 'latin1');
  const publicBlob = lines.block('Public-Lines');
  const derivation = version === 3 && encryption !== 'none' ? readDerivation(lines) : undefined;
  const privateBlob = lines.block('Private-Lines');
  const mac = lines.hex('Private-MAC');
  lines.finish();
  return { version, algorithm: head[2] as string, encryption, comment, publicBlob, derivation, privateBlob, mac };
}

function requireVersion(text: string): 2 | 3 {
  if (text === '2') return 2;
  if (text === '3') return 3;
  throw badKey(`a PPK file of version ${text} came, versions 2 and 3 are read`, {
    code: 'unsupported',
    remedy: 'Open the file in a current PuTTYgen and save it again.',
  });
}

/** Parameters are bounded: memory and time of Argon2 are the file's to choose otherwise. */
function readDerivation(lines: Lines): PpkDerivation {
  const names = { Argon2d: 'argon2d', Argon2i: 'argon2i', Argon2id: 'argon2id' } as const;
  const name = lines.value('Key-Derivation');
  if (!Object.hasOwn(names, name)) throw badKey(`the PPK file derives its key with "${name}", known is Argon2`);
  const memoryKib = lines.number('Argon2-Memory', maxArgon2MemoryKib);
  const passes = lines.number('Argon2-Passes', maxArgon2Passes);
  const lanes = lines.number('Argon2-Parallelism', maxArgon2Lanes);
  const salt = lines.hex('Argon2-Salt');
  // RFC 9106 §3.1: at least 8 KiB a lane; node:crypto asks for a salt of 8 bytes.
  if (memoryKib < 8 * lanes || salt.length < 8) throw badKey('the Argon2 parameters of the PPK file are too small');
  return { variant: names[name as keyof typeof names], memoryKib, passes, lanes, salt };
}

class Lines {
  readonly #lines: readonly string[];
  #at = 0;

  constructor(text: string) {
    this.#lines = text.replace(/^\s+/, '').split(/\r\n|\n|\r/);
  }

  next(expected: string): string {
    const line = this.#lines[this.#at++];
    if (line === undefined) throw badKey(`the PPK file ends where "${expected}" was expected: it is cut`);
    return line;
  }

  value(name: string): string {
    const line = this.next(name);
    if (!line.startsWith(`${name}: `)) {
      throw badKey(`line ${this.#at} of the PPK file: expected "${name}:", got "${line.slice(0, 40)}"`);
    }
    return line.slice(name.length + 2);
  }

  number(name: string, most: number): number {
    const text = this.value(name);
    const value = /^\d{1,10}$/.test(text) ? Number(text) : Number.NaN;
    if (!(value >= 1 && value <= most)) {
      throw badKey(`line ${this.#at} of the PPK file: ${name} is "${text.slice(0, 40)}", 1 to ${most} is allowed`);
    }
    return value;
  }

  hex(name: string): Buffer {
    const text = this.value(name).trim();
    if (text.length % 2 !== 0 || !/^[0-9a-fA-F]*$/.test(text)) {
      throw badKey(`line ${this.#at} of the PPK file: ${name} is not hexadecimal`);
    }
    return Buffer.from(text, 'hex');
  }

  block(name: string): Buffer {
    const count = this.number(name, maxKeyFileBytes / 64);
    let base64 = '';
    for (let line = 0; line < count; line++) base64 += this.next(`${count} lines of base64`);
    return decodeBase64(base64, `${name} of the PPK file`);
  }

  finish(): void {
    if (this.#lines.slice(this.#at).some((line) => line.trim() !== '')) {
      throw badKey('the PPK file has lines after its Private-MAC');
    }
  }
}
