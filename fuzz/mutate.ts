/** Mutations of byte strings, with a taste for what breaks parsers of length-prefixed fields. */
import type { Random } from './random.ts';

type Mutation = (input: Buffer, random: Random, others: readonly Buffer[]) => Buffer;

/** Inputs grow no further than this: the limits under test are reached by length fields, not by bulk. */
const maxInputBytes = 64 * 1024;

/** Lengths and counts that programs get wrong: none, one, signs, wrap-around, and off by a little. */
const cruelNumbers: readonly [number, ...number[]] = [
  0, 1, 2, 0x7f, 0x80, 0xff, 0x100, 0x7fff, 0x8000, 0xffff, 0x10000, 0x7fff_ffff, 0x8000_0000, 0xffff_fffc, 0xffff_ffff,
];

const mutations: readonly [Mutation, ...Mutation[]] = [
  flipBit,
  setByte,
  truncate,
  cutPiece,
  insertBytes,
  duplicatePiece,
  splice,
  editLength,
  editLength,
  editLength,
  nudgeLength,
  overwriteNumber,
  swapPieces,
];

/** One input of a fuzz run: a seed with one to eight mutations; now and then bytes out of nowhere. */
export function makeInput(random: Random, seeds: readonly Buffer[]): Buffer {
  if (seeds.length === 0 || random.below(200) === 0) return randomBytes(random, random.below(300));
  let input = Buffer.from(seeds[random.below(seeds.length)] ?? Buffer.alloc(0));
  // Most faults need one thing to be wrong and the rest to be right.
  const rounds = random.below(2) === 0 ? 1 : 1 + random.below(8);
  for (let i = 0; i < rounds; i++) input = random.pick(mutations)(input, random, seeds) as Buffer<ArrayBuffer>;
  return input.length > maxInputBytes ? input.subarray(0, maxInputBytes) : input;
}

function flipBit(input: Buffer, random: Random): Buffer {
  if (input.length === 0) return input;
  const at = random.below(input.length);
  input[at] = (input[at] ?? 0) ^ (1 << random.below(8));
  return input;
}

function setByte(input: Buffer, random: Random): Buffer {
  if (input.length === 0) return input;
  input[random.below(input.length)] =
    random.below(2) === 0 ? random.byte() : random.pick([0, 0x0a, 0x2c, 0x7f, 0x80, 0xff]);
  return input;
}

function truncate(input: Buffer, random: Random): Buffer {
  return input.subarray(0, random.below(input.length + 1));
}

function cutPiece(input: Buffer, random: Random): Buffer {
  const [from, to] = piece(input, random);
  return Buffer.concat([input.subarray(0, from), input.subarray(to)]);
}

function insertBytes(input: Buffer, random: Random): Buffer {
  const at = random.below(input.length + 1);
  const bytes = randomBytes(random, 1 + random.below(16));
  if (random.below(3) === 0) bytes.fill(random.byte());
  return Buffer.concat([input.subarray(0, at), bytes, input.subarray(at)]);
}

function duplicatePiece(input: Buffer, random: Random): Buffer {
  const [from, to] = piece(input, random);
  const times = random.below(8) === 0 ? 1 + random.below(64) : 1;
  const copies = Array.from({ length: times }, () => input.subarray(from, to));
  return Buffer.concat([input.subarray(0, to), ...copies, input.subarray(to)]);
}

/** The beginning of this one and the end of another. */
function splice(input: Buffer, random: Random, others: readonly Buffer[]): Buffer {
  const other = others[random.below(others.length)] ?? input;
  const head = input.subarray(0, random.below(input.length + 1));
  return Buffer.concat([head, other.subarray(random.below(other.length + 1))]);
}

/** Puts a cruel number where a length stands. */
function editLength(input: Buffer, random: Random): Buffer {
  const at = findLength(input, random);
  if (at !== undefined) input.writeUInt32BE(random.pick(cruelNumbers), at);
  return input;
}

/** Makes a length a little too long or too short. */
function nudgeLength(input: Buffer, random: Random): Buffer {
  const at = findLength(input, random);
  if (at !== undefined) input.writeUInt32BE((input.readUInt32BE(at) + random.pick([-4, -1, 1, 4, 8])) >>> 0, at);
  return input;
}

function overwriteNumber(input: Buffer, random: Random): Buffer {
  if (input.length < 4) return input;
  input.writeUInt32BE(random.pick(cruelNumbers), random.below(input.length - 3));
  return input;
}

function swapPieces(input: Buffer, random: Random): Buffer {
  const [from, to] = piece(input, random);
  return Buffer.concat([input.subarray(from, to), input.subarray(0, from), input.subarray(to)]);
}

/** A place where four bytes read as a length that fits what follows: most likely they are one. */
function findLength(input: Buffer, random: Random): number | undefined {
  if (input.length < 4) return undefined;
  const start = random.below(input.length - 3);
  for (let i = 0; i <= input.length - 4; i++) {
    const at = (start + i) % (input.length - 3);
    if (input.readUInt32BE(at) <= input.length - at - 4) return at;
  }
  return start;
}

function piece(input: Buffer, random: Random): [number, number] {
  const from = random.below(input.length + 1);
  const length = random.below(4) === 0 ? random.below(input.length - from + 1) : random.below(17);
  return [from, Math.min(input.length, from + length)];
}

function randomBytes(random: Random, count: number): Buffer<ArrayBuffer> {
  const bytes = Buffer.alloc(count);
  for (let i = 0; i < count; i++) bytes[i] = random.byte();
  return bytes;
}
