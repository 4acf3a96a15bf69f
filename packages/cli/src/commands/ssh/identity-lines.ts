/** `identity file … type N`: which keys there are, told at -v before login. */
import { defaultIdentityFiles, readPublicHalf } from '@nacre/ssh/client';
import { expandPath } from './paths.ts';
import type { Request } from './request.ts';

/** OpenSSH's numbers of key types, which its log shows; -1 where no key is found. */
const typeNumbers: Readonly<Record<string, number>> = {
  'ssh-rsa': 0,
  'ssh-dss': 1,
  'ecdsa-sha2-nistp256': 2,
  'ecdsa-sha2-nistp384': 2,
  'ecdsa-sha2-nistp521': 2,
  'ssh-ed25519': 3,
  'sk-ecdsa-sha2-nistp256@openssh.com': 10,
  'sk-ssh-ed25519@openssh.com': 12,
};
/** A certificate's number: that of its key, so much further. */
const certificateOffsets: Readonly<Record<number, number>> = { 0: 4, 1: 4, 2: 4, 3: 4, 10: 1, 12: 1 };

/** The lines for the files that login looks at. */
export async function identityLines(request: Request): Promise<string[]> {
  const given = request.settings.identityFile.filter((path) => path.toLowerCase() !== 'none');
  const isDefault = request.settings.identityFile.length === 0;
  const paths = isDefault ? defaultIdentityFiles() : given.map((path) => expandPath(path, request, 'IdentityFile'));
  const lines: string[] = [];
  for (const path of paths) {
    for (const name of [path, `${path}-cert`]) lines.push(`identity file ${name} type ${await typeNumber(name)}`);
  }
  return lines;
}

async function typeNumber(path: string): Promise<number> {
  const key = await readPublicHalf(path);
  const plain = typeNumbers[key?.plain.type ?? ''];
  if (key === undefined || plain === undefined) return -1;
  return key.certificate === undefined ? plain : plain + (certificateOffsets[plain] ?? 0);
}
