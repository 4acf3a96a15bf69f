/** ssh-add -T: has the agent sign with each key, and verifies what it signed. */
import { randomBytes } from 'node:crypto';
import { Ending } from '../../ssh-keygen/ending.ts';
import { findPublicKey } from '../../ssh-keygen/key-input.ts';
import type { Request } from '../request.ts';
import { agentWords } from '../words.ts';

/** As much as OpenSSH has signed. */
const testBytes = 1024;

export async function run(request: Request): Promise<number> {
  if (request.operands.length === 0) throw new Ending('no keys to test');
  let status = 0;
  for (const path of request.operands) if (!(await testKey(path, request))) status = 1;
  return status;
}

async function testKey(path: string, { agent, log }: Request): Promise<boolean> {
  const key = findPublicKey(path)?.key;
  if (key === undefined) {
    log.error(`Couldn't read public key ${path}: No such file or directory`);
    return false;
  }
  // The first algorithm of a type is its best one.
  const algorithm = key.plain.signatureAlgorithms[0] as string;
  const data = randomBytes(testBytes);
  let signature: Buffer;
  try {
    signature = await agent.sign(key, data, algorithm);
  } catch (error) {
    log.error(`Agent signature failed for ${path}: ${agentWords(error)}`);
    return false;
  }
  if (key.verify(data, signature, algorithm)) return true;
  log.error(`Signature verification failed for ${path}: incorrect signature`);
  return false;
}
