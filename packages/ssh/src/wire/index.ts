/** @nacre/ssh/wire: RFC 4251 types, reader, writer and message declarations. */

export type { Field } from './fields.ts';
export * as fields from './fields.ts';
export { FrameReader, type FrameRules, frameOf } from './frame-reader.ts';
export { declareMessage, declareStructure, type Message, type MessageOf } from './message.ts';
export { printable } from './printable.ts';
export { WireReader } from './reader.ts';
export { fitsWildcards } from './wildcards.ts';
export { asBuffer, encodeMpint, WireWriter } from './writer.ts';
