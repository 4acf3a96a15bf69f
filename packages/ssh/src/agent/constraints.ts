/** Constraints on a key in an agent: how long, whether each use is confirmed, and where (RFC 9987 §3.2.7, PROTOCOL.agent). */
import { SshError } from '../errors.ts';
import { WireReader, WireWriter } from '../wire/index.ts';
import { constraintExtensions } from './constraint-extensions.ts';
import type { AgentConstraints, ConstraintSubject } from './constraint-types.ts';
import { constraintNumbers } from './messages.ts';

/**
 * The constraints as they follow a key's comment, or a token's PIN; empty where there are none.
 *
 * @throws SshError `misuse` for a lifetime that is none, and for a constraint that this subject cannot have.
 */
export function encodeConstraints(constraints: AgentConstraints, subject: ConstraintSubject = 'key'): Buffer {
  const writer = new WireWriter(16);
  const { lifetimeSeconds } = constraints;
  if (lifetimeSeconds !== undefined) {
    if (!Number.isInteger(lifetimeSeconds) || lifetimeSeconds < 1 || lifetimeSeconds > 0xffff_ffff) {
      throw misuse(`a key's lifetime must be 1 second or more, got ${lifetimeSeconds}`);
    }
    writer.uint8(constraintNumbers.lifetime).uint32(lifetimeSeconds);
  }
  if (constraints.confirm === true) writer.uint8(constraintNumbers.confirm);
  for (const { name, subjects, encode } of constraintExtensions) {
    const contents = encode(constraints);
    if (contents === undefined) continue;
    if (!subjects.includes(subject)) throw misuse(`the constraint ${name} is not one for a ${subject}`);
    writer.uint8(constraintNumbers.extension).string(name).fixed(contents);
  }
  return writer.finish();
}

/**
 * Reads constraints to the end of the bytes.
 *
 * @throws SshError `bad-message` where they are cut, given twice, or not known here: a key whose limits cannot be kept must
 *   not be taken (Go CVE-2026-39832, -39833, -47914).
 */
export function decodeConstraints(bytes: Uint8Array, subject: ConstraintSubject = 'key'): AgentConstraints {
  const reader = new WireReader(bytes, "the key's constraints");
  let constraints: AgentConstraints = {};
  while (reader.remaining > 0) {
    const read = decodeConstraint(reader, subject);
    const twice = Object.keys(read).find((field) => Object.hasOwn(constraints, field));
    if (twice !== undefined) throw reader.error(`${twice} is given twice`);
    constraints = { ...constraints, ...read };
  }
  return constraints;
}

function decodeConstraint(reader: WireReader, subject: ConstraintSubject): AgentConstraints {
  const number = reader.uint8('constraint');
  if (number === constraintNumbers.confirm) return { confirm: true };
  if (number === constraintNumbers.lifetime) {
    const lifetimeSeconds = reader.uint32('lifetime');
    if (lifetimeSeconds === 0) throw reader.error('a lifetime of 0 seconds');
    return { lifetimeSeconds };
  }
  if (number !== constraintNumbers.extension) throw reader.error(`constraint ${number} is unknown`);
  const name = reader.ascii('name of a constraint');
  const row = constraintExtensions.find((extension) => extension.name === name && extension.subjects.includes(subject));
  if (row === undefined) throw reader.error(`the constraint ${name.slice(0, 64)} is unknown here`);
  return row.decode(reader);
}

function misuse(message: string): SshError {
  return new SshError(message, { code: 'misuse', stage: 'agent' });
}
