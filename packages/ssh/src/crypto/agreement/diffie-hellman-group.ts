/** The methods with a fixed group: `diffie-hellman-group1-sha1` … `diffie-hellman-group18-sha512` (RFC 4253 §8, RFC 8268). */
import { getDiffieHellman } from 'node:crypto';
import type { HashName, KeyAgreement } from '../key-agreement.ts';
import { type FiniteFieldGroup, respondFiniteField, startFiniteField } from './finite-field.ts';

export const group14Sha256 = groupAgreement('diffie-hellman-group14-sha256', 'sha256', 14);
export const group16Sha512 = groupAgreement('diffie-hellman-group16-sha512', 'sha512', 16);
export const group18Sha512 = groupAgreement('diffie-hellman-group18-sha512', 'sha512', 18);
/** For servers that have nothing newer: SHA-1. */
export const group14Sha1 = { ...groupAgreement('diffie-hellman-group14-sha1', 'sha1', 14), legacy: true } as const;
/** For devices of another age: SHA-1, and a 1024-bit group that a state can break (Logjam). SSH's group 1 is Oakley's group 2. */
export const group1Sha1 = { ...groupAgreement('diffie-hellman-group1-sha1', 'sha1', 2), legacy: true } as const;

/** Oakley group numbers: 2 of RFC 2409 (1024 bits); 14, 16, 18 of RFC 3526 (2048, 4096, 8192 bits). */
export type OakleyGroup = 2 | 14 | 16 | 18;

const groups = new Map<OakleyGroup, FiniteFieldGroup>();

/** A well-known group. Node has the numbers; fetched at first use, since it tests the 1024-bit one for 35 ms. */
export function oakleyGroup(number: OakleyGroup): FiniteFieldGroup {
  let group = groups.get(number);
  if (group === undefined) {
    group = { prime: getDiffieHellman(`modp${number}`).getPrime(), generator: Buffer.of(2) };
    groups.set(number, group);
  }
  return group;
}

function groupAgreement(name: string, hash: HashName, number: OakleyGroup): KeyAgreement {
  return {
    name,
    hash,
    finiteField: true,
    start: () => startFiniteField(oakleyGroup(number)),
    respond: (initiatorValue) => respondFiniteField(oakleyGroup(number), initiatorValue),
  };
}
