/** Text from key files and flags. */
import { sanitize } from '../../terminal/sanitize.ts';

/** Text that was read one character a byte, safe to print: what is valid UTF-8 is shown, what a terminal obeys is escaped. */
export function printable(text: string): string {
  return sanitize(Buffer.from(text, 'latin1'));
}

/** Whether a comment would be read back as more than one line. */
export function showsLineBreaks(text: string): boolean {
  return /[\r\n\0]/.test(text);
}
