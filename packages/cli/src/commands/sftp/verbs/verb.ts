/** What a command of sftp is. */
import type { ShellWord } from '../../../terminal/shell-words.ts';
import type { Question } from '../ahead.ts';
import type { Session } from '../session.ts';

/** A command as it was typed. */
export interface Call {
  /** In small letters; of several names the one that was used. */
  readonly name: string;
  readonly flags: ReadonlySet<string>;
  readonly words: readonly ShellWord[];
  /** All behind the name, for what goes to a shell. */
  readonly rest: string;
}

/** What a word of a command names, for completion. */
export type WordKind = 'local' | 'remote';

export interface Verb {
  readonly names: readonly string[];
  /** Letters of flags. */
  readonly flags?: string;
  /** Takes the rest of the line as it is. */
  readonly takesLine?: boolean;
  /** Of the first word and the second. */
  readonly completes?: readonly (WordKind | undefined)[];
  /** What is wrong with a call, before anything is done. */
  readonly check?: (call: Call) => string | undefined;
  /** What it asks the server before anything else. */
  readonly asksFirst?: (call: Call) => Question | undefined;
  /** Does it; false for a failure, of which it has told, and `end` where the session is over. */
  readonly run: (session: Session, call: Call) => Promise<boolean | 'end'> | boolean | 'end';
}

export function needsPath({ name, words }: Call): string | undefined {
  return words.length < 1 ? `You must specify a path after a ${name} command.` : undefined;
}

export function needsTwoPaths({ name, words }: Call): string | undefined {
  return words.length < 2 ? `You must specify two paths after a ${name} command.` : undefined;
}

/** The text of a word that the check has seen to be there. */
export function wordText({ words }: Call, at: number): string {
  return words[at]?.text ?? '';
}
