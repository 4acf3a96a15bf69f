/** What a trust file holds, as text or as the bytes that were read: bytes are looked through as they are, and only lines that count become text. */
import { asBuffer } from '../wire/index.ts';

/** Text, or its bytes in UTF-8. Bytes of a large file are searched several times as fast. */
export type TrustText = string | Uint8Array;

/** Pieces of about this size stay in the processor's cache, and no second copy of a large file is made. */
const pieceBytes = 64 * 1024;

const lineFeed = 0x0a;

/** The whole as text. */
export function textOf(text: TrustText): string {
  return typeof text === 'string' ? text : asBuffer(text).toString('utf8');
}

/** Whole lines together: of bytes a character for each, text as it is. */
export function* piecesOf(text: TrustText): Generator<string, void, undefined> {
  if (typeof text === 'string') {
    yield text;
    return;
  }
  const buffer = asBuffer(text);
  for (let at = 0; at < buffer.length; ) {
    const end = endOfPiece(buffer, at);
    yield buffer.toString('latin1', at, end);
    at = end;
  }
}

/** The text of a line out of a piece of bytes. */
export function decodePieceLine(line: string): string {
  return Buffer.from(line, 'latin1').toString('utf8');
}

function endOfPiece(buffer: Buffer, start: number): number {
  const most = start + pieceBytes;
  if (most >= buffer.length) return buffer.length;
  const last = buffer.lastIndexOf(lineFeed, most - 1);
  if (last >= start) return last + 1;
  const next = buffer.indexOf(lineFeed, most);
  return next < 0 ? buffer.length : next + 1;
}

/**
 * The lines that hold a word somewhere, counted from 1.
 *
 * @param word - ASCII.
 */
export function* linesWith(
  text: TrustText,
  word: string,
): Generator<{ readonly line: string; readonly number: number }, void, undefined> {
  const whole = typeof text === 'string' ? text : asBuffer(text);
  let number = 1;
  let counted = 0;
  for (let found = whole.indexOf(word); found >= 0; ) {
    const newline = whole.indexOf('\n', found);
    const end = newline < 0 ? whole.length : newline;
    const start = found === 0 ? 0 : whole.lastIndexOf('\n', found - 1) + 1;
    number += countLines(whole, counted, start);
    counted = start;
    yield { line: whole.slice(start, end).toString(), number };
    found = newline < 0 ? -1 : whole.indexOf(word, newline + 1);
  }
}

function countLines(whole: string | Buffer, start: number, end: number): number {
  let count = 0;
  for (const piece of piecesOf(typeof whole === 'string' ? whole.slice(start, end) : whole.subarray(start, end))) {
    for (let at = piece.indexOf('\n'); at >= 0; at = piece.indexOf('\n', at + 1)) count++;
  }
  return count;
}
