/** What becomes of the messages of one connection on their way to a live server: most go as they are, some do not. */
import { channelRequests, channelTypes, globalRequests } from '@nacre/ssh/connection';
import { WireWriter } from '@nacre/ssh/wire';
import { makeInput } from '../mutate.ts';
import type { Random } from '../random.ts';

/** Messages seen so far, to be said again where they do not belong. */
const maxCorpus = 400;

/** What all connections of a run share. */
export class Corpus {
  readonly messages: Buffer[] = [];

  add(message: Buffer, random: Random): void {
    if (message.length > 4096) return;
    if (this.messages.length < maxCorpus) this.messages.push(message);
    else this.messages[random.below(maxCorpus)] = message;
  }
}

export class Mutator {
  readonly #random: Random;
  readonly #corpus: Corpus;
  /** One message in so many is harmed. */
  readonly #rarity: number;
  #held: Buffer | undefined;
  /** Nothing is harmed before. */
  isActive = false;
  /** How many messages were not what our own client meant to say. */
  harmed = 0;

  constructor(random: Random, corpus: Corpus) {
    this.#random = random;
    this.#corpus = corpus;
    // Few faults let a conversation come far, many make it strange.
    this.#rarity = random.pick([1, 2, 4, 8, 16, 32]);
  }

  /** What is sent in place of a message. */
  outgoing(message: Buffer): Buffer[] {
    this.#corpus.add(message, this.#random);
    const before = this.#held === undefined ? [] : [this.#held];
    this.#held = undefined;
    if (!this.isActive || this.#random.below(this.#rarity) > 0) return [message, ...before];
    this.harmed++;
    switch (this.#random.below(9)) {
      case 0:
        return before;
      case 1:
        return [message, message, ...before];
      case 2:
        // It comes behind the next one.
        this.#held = message;
        return before;
      case 3:
        return [this.#strange(), message, ...before];
      case 4:
        return [message, this.#strange(), ...before];
      default:
        return [this.#changed(message), ...before];
    }
  }

  #changed(message: Buffer): Buffer {
    // Channel data: the length left right, so that what reads the data is reached (sftp, terminals, forwards).
    if (message[0] === 94 && message.length > 9 && this.#random.below(4) > 0) {
      const data = makeInput(this.#random, [message.subarray(9)]);
      return new WireWriter().uint8(94).uint32(message.readUInt32BE(1)).string(data).finish();
    }
    if (this.#random.below(6) > 0) {
      // The number left right: its own parser, rather than another one.
      const rest = makeInput(this.#random, [message.subarray(1)]);
      return Buffer.concat([message.subarray(0, 1), rest]);
    }
    return makeInput(this.#random, [message, ...this.#corpus.messages]);
  }

  /** A message that nobody asked for. */
  #strange(): Buffer {
    const random = this.#random;
    const channel = random.pick([0, 0, 0, 1, 2, 7, 0xffff_ffff]);
    const bytes = () => Buffer.from(Array.from({ length: random.below(40) }, () => random.byte()));
    const nameOf = (rows: readonly { readonly name: string }[]) => rows[random.below(rows.length)]?.name ?? '';
    const writer = new WireWriter();
    switch (random.below(11)) {
      case 0:
        return writer
          .uint8(93)
          .uint32(channel)
          .uint32(random.pick([0, 1, 0x7fff_ffff, 0xffff_ffff]))
          .finish();
      case 1:
        // More than any window or packet that was granted.
        return writer
          .uint8(94)
          .uint32(channel)
          .string(Buffer.alloc(random.pick([0, 40_000, 200_000])))
          .finish();
      case 2:
        return writer.uint8(95).uint32(channel).uint32(random.below(3)).string(bytes()).finish();
      case 3:
        return writer
          .uint8(random.pick([96, 97, 99, 100]))
          .uint32(channel)
          .finish();
      case 4:
        return writer
          .uint8(98)
          .uint32(channel)
          .string(nameOf(channelRequests))
          .boolean(random.below(2) > 0)
          .fixed(bytes())
          .finish();
      case 5:
        return writer
          .uint8(80)
          .string(nameOf(globalRequests))
          .boolean(random.below(2) > 0)
          .fixed(bytes())
          .finish();
      case 6: {
        const window = random.pick([0, 1, 65536, 0xffff_ffff]);
        writer.uint8(90).string(nameOf(channelTypes)).uint32(random.below(9)).uint32(window);
        return writer
          .uint32(random.pick([0, 1, 32768, 0xffff_ffff]))
          .fixed(bytes())
          .finish();
      }
      case 7:
        return Buffer.concat([Buffer.from([random.byte()]), bytes()]);
      case 8:
        // The numbers that end something, begin something or belong to the other side.
        return Buffer.concat([
          Buffer.from([random.pick([1, 5, 6, 7, 20, 21, 30, 51, 52, 60, 61, 91, 92, 99])]),
          bytes(),
        ]);
      default:
        return this.#corpus.messages[random.below(this.#corpus.messages.length)] ?? bytes();
    }
  }
}
