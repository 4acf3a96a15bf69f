/** ssh-add -d: removes the keys of some files, or of the lines on standard input, from the agent. */
import { readFileSync } from 'node:fs';
import { type PublicKey, shortTypeName } from '@nacre/ssh/keys';
import { Ending } from '../../ssh-keygen/ending.ts';
import { findPublicKey, readPublicLine } from '../../ssh-keygen/key-input.ts';
import { printable } from '../../ssh-keygen/text.ts';
import { forEachFile } from '../files.ts';
import type { Request } from '../request.ts';
import { agentWords, say } from '../words.ts';

export function run(request: Request): Promise<number> {
  return forEachFile(request.operands, (path) => (path === '-' ? removeListed(request) : removeFile(path, request)));
}

/** The key of a file, and the certificate beside it. */
async function removeFile(path: string, request: Request): Promise<boolean> {
  const { flags } = request;
  const found = findPublicKey(path);
  if (found === undefined) {
    process.stdout.write(`Bad key file ${printable(path)}: No such file or directory\n`);
    return false;
  }
  let removed = !flags.certificatesOnly && (await remove(found.key, found.comment ?? path, path, request));
  if (flags.plainOnly) return removed;
  const certificatePath = `${path}-cert.pub`;
  const certificate = findPublicKey(certificatePath);
  if (certificate === undefined) return removed;
  if (!certificate.key.plain.equals(found.key.plain)) {
    throw new Ending(`Certificate ${certificatePath} does not match private key ${path}`);
  }
  if (await remove(certificate.key, certificate.comment ?? certificatePath, certificatePath, request)) removed = true;
  return removed;
}

/** Public keys on standard input, a line each. One that could be removed makes it a success. */
async function removeListed(request: Request): Promise<boolean> {
  const { flags, log } = request;
  let removed = false;
  for (const [index, line] of readFileSync(0, 'latin1').split('\n').entries()) {
    const text = line.replace(/^[ \t]+/, '').replace(/\r$/, '');
    if (text === '' || text.startsWith('#')) continue;
    const found = readPublicLine(text);
    if (found === undefined) {
      log.error(`(stdin):${index + 1}: invalid key: invalid format`);
      continue;
    }
    const isCertificate = found.key.certificate !== undefined;
    if (isCertificate ? flags.plainOnly : flags.certificatesOnly) continue;
    if (await remove(found.key, found.rest, '(stdin)', request)) removed = true;
  }
  return removed;
}

/** @param comment - one character a byte, as it was read. */
async function remove(key: PublicKey, comment: string, path: string, { agent, flags }: Request): Promise<boolean> {
  try {
    await agent.remove(key);
  } catch (error) {
    say(`Could not remove identity "${path}": ${agentWords(error)}`);
    return false;
  }
  if (!flags.quiet) say(`Identity removed: ${path} ${shortTypeName(key)} (${printable(comment)})`);
  return true;
}
