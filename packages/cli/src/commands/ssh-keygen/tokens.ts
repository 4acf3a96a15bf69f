/** ssh-keygen -D and -K, and keys of FIDO tokens: no PKCS#11 or FIDO library is loaded here, and each of them says so. */
import { readFileSync } from 'node:fs';
import { print } from '../../terminal/print.ts';
import { describeSystemError, Ending } from './ending.ts';
import type { KeygenFlags } from './flags.ts';

export function run(flags: KeygenFlags): number {
  // A library that others name is code that runs as we do: it is never opened, not even to look (CVE-2023-38408).
  if (flags.pkcs11 !== undefined) {
    throw new Ending('cannot read public key from pkcs11: no pkcs11 support (PKCS#11 libraries are not used here)');
  }
  for (const option of flags.options) {
    if (!/^device=/i.test(option)) throw unsupported(option, 'download');
  }
  throw new Ending(`Unable to load resident keys: device not found (${explanation})`);
}

/** `-t ed25519-sk` and `-t ecdsa-sk`: what OpenSSH says and does where no token is plugged in. */
export function enroll(flags: KeygenFlags, type: string): never {
  if (!flags.quiet) print(`Generating public/private ${type} key pair.\n`);
  for (const option of flags.options) requireEnrollmentOption(option);
  if (!flags.quiet) print('You may need to touch your authenticator to authorize key generation.\n');
  throw new Ending(`Key enrollment failed: device not found (${explanation})`);
}

const explanation = "FIDO tokens are not used here; make the key with OpenSSH's ssh-keygen";

function requireEnrollmentOption(option: string): void {
  if (/^(no-touch-required|verify-required|resident)$/i.test(option)) return;
  if (/^(device|user|write-attestation)=/i.test(option)) return;
  const [, name, value = ''] = /^(challenge|application)=(.*)$/is.exec(option) ?? [];
  if (name === undefined) throw unsupported(option, 'enrollment');
  if (name.toLowerCase() === 'application') {
    if (!value.startsWith('ssh:')) throw new Ending('FIDO application string must begin with "ssh:"');
    return;
  }
  try {
    readFileSync(value);
  } catch (error) {
    throw new Ending(`Unable to load FIDO enrollment challenge "${value}": ${describeSystemError(error)}`);
  }
}

function unsupported(option: string, mode: 'download' | 'enrollment'): Ending {
  return new Ending(`Option "${option}" is unsupported for FIDO authenticator ${mode}`);
}
