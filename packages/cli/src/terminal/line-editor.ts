/** Lines typed at a prompt: node:readline's editing and history, with completion, history search and pasting added. */
import { createInterface, emitKeypressEvents, type Interface, type Key } from 'node:readline';
import { PassThrough, type Readable, type Writable } from 'node:stream';
import { type Completion, commonBeginning, formatCandidates } from './completion-list.ts';
import { formatSearchPrompt, type HistorySearch, newSearch, searchFor, searchOlder } from './history-search.ts';

/** How a line was answered. */
export type LineAnswer =
  | { readonly kind: 'line'; readonly text: string }
  /** ^C: what was typed is thrown away. */
  | { readonly kind: 'interrupt' }
  /** ^D on an empty line, or the terminal is gone. */
  | { readonly kind: 'end' };

/** The terminal's modes, around each line: `Terminal` of raw-mode.ts. */
export interface EditorTerminal {
  enterRaw(): void;
  leaveRaw(): void;
  /** Stops this program as ^Z would; raw again when it goes on. */
  suspend(): Promise<void>;
}

export interface LineEditorOptions {
  readonly input: Readable;
  readonly output: Writable & { readonly columns?: number };
  readonly terminal: EditorTerminal;
  /** Asked at Tab: what the word before the cursor may become. ^C aborts the signal. */
  readonly complete?: (line: string, cursor: number, signal: AbortSignal) => Promise<Completion | undefined>;
  /** Lines kept. Default 500. */
  readonly historySize?: number;
}

const pasteOn = '\x1b[?2004h';
const pasteOff = '\x1b[?2004l';
const defaultColumns = 80;

/** The parts of Interface that hold the line. They are plain properties that programs set; the types call them read-only. */
interface Editable {
  line: string;
  cursor: number;
  /** The row of the cursor when the line was drawn last. */
  prevRows: number;
}

/** A search, and the line to go back to. */
interface SearchUnderWay {
  state: HistorySearch;
  readonly line: string;
  readonly cursor: number;
}

/**
 * Asks for line after line. The terminal is raw only while a line is edited; what is typed ahead waits for the next one.
 *
 * @example
 * const terminal = Terminal.open(0);
 * const editor = new LineEditor({ input: process.stdin, output: process.stdout, terminal, complete });
 * for (let answer = await editor.readLine('sftp> '); answer.kind !== 'end'; answer = await editor.readLine('sftp> ')) …
 */
export class LineEditor {
  readonly #options: LineEditorOptions;
  readonly #reader: Interface & Editable;
  readonly #keys = new PassThrough();
  #waitingKeys: [text: string | undefined, key: Key][] = [];
  #pastedLines: string[] = [];
  #history: readonly string[] = [];
  #prompt = '';
  #answer: ((answer: LineAnswer) => void) | undefined;
  #search: SearchUnderWay | undefined;
  #paste: string | undefined;
  /** What ^K, ^U, ^W and their kin took away last. */
  #killed = '';
  #completing: AbortController | undefined;
  #suspending = false;
  #hasEnded = false;

  constructor(options: LineEditorOptions) {
    this.#options = options;
    const { output, historySize = 500 } = options;
    // It reads nothing by itself: each key comes through our hands first.
    const reader = createInterface({ input: new PassThrough(), output, terminal: true, historySize });
    this.#reader = reader as Interface & Editable;
    reader.on('line', (text) => this.#finish({ kind: 'line', text }));
    reader.on('history', (history) => {
      this.#history = [...history];
    });
    emitKeypressEvents(this.#keys);
    this.#keys.on('keypress', (text: string | undefined, key: Key) => this.#take(text, key));
    options.input.on('data', this.#onData);
    options.input.on('end', this.#onEnd);
    options.input.on('error', this.#onEnd);
    options.input.pause();
  }

  /** Newest first. */
  get history(): readonly string[] {
    return this.#history;
  }

  /** Shows the prompt and edits a line until it is answered. One at a time. */
  readLine(prompt: string): Promise<LineAnswer> {
    if (this.#hasEnded) return Promise.resolve({ kind: 'end' });
    const { input, terminal } = this.#options;
    return new Promise((resolve, reject) => {
      try {
        terminal.enterRaw();
      } catch (error) {
        reject(error);
        return;
      }
      this.#answer = resolve;
      this.#prompt = prompt;
      process.on('exit', this.#onExit);
      this.#mark(pasteOn);
      this.#reader.prevRows = 0;
      this.#setLine(this.#pastedLines.shift() ?? '');
      input.resume();
      this.#drain();
    });
  }

  /** Lets go of the input. */
  close(): void {
    this.#finish({ kind: 'end' });
    this.#hasEnded = true;
    const { input } = this.#options;
    input.off('data', this.#onData);
    input.off('end', this.#onEnd);
    input.off('error', this.#onEnd);
    this.#reader.close();
  }

  // Straight to the decoder: through the stream the keys would come a turn later, when the line may be over.
  readonly #onData = (chunk: Buffer): void => void this.#keys.emit('data', chunk);

  readonly #onEnd = (): void => {
    this.#hasEnded = true;
    this.#finish({ kind: 'end' });
  };

  /** A program that exits at its prompt leaves the terminal as it was; its modes are the terminal's own affair. */
  readonly #onExit = (): void => void this.#mark(pasteOff);

  #finish(answer: LineAnswer): void {
    const resolve = this.#answer;
    if (resolve === undefined) return;
    this.#answer = undefined;
    this.#search = undefined;
    this.#completing?.abort();
    this.#options.input.pause();
    this.#mark(pasteOff);
    process.off('exit', this.#onExit);
    this.#options.terminal.leaveRaw();
    resolve(answer);
  }

  #take(text: string | undefined, key: Key): void {
    // ^C is heard while something else is waited for.
    if (this.#completing !== undefined && key.ctrl && key.name === 'c') this.#completing.abort();
    else {
      this.#waitingKeys.push([text, key]);
      this.#drain();
    }
  }

  #drain(): void {
    while (this.#answer !== undefined && this.#completing === undefined && !this.#suspending) {
      const next = this.#waitingKeys.shift();
      if (next === undefined) return;
      this.#press(...next);
    }
  }

  #press(text: string | undefined, pressed: Key): void {
    // Escape and Enter in quick succession look like one key.
    const key = pressed.meta && pressed.name === 'return' ? { ...pressed, meta: false, sequence: '\r' } : pressed;
    if (this.#paste !== undefined || key.name === 'paste-start') this.#pressInPaste(text, key);
    else if (this.#search !== undefined) this.#pressInSearch(this.#search, text, key);
    else if (key.ctrl && !key.meta && !key.shift) this.#pressControl(text, key);
    else if (key.name === 'tab' && !key.shift && !key.meta) void this.#complete();
    else this.#edit(text, key);
  }

  #pressControl(text: string | undefined, key: Key): void {
    const { output, terminal } = this.#options;
    switch (key.name) {
      case 'c':
        this.#pastedLines = [];
        this.#leaveLine('^C');
        this.#finish({ kind: 'interrupt' });
        return;
      case 'd':
        if (this.#reader.line === '') {
          output.write('\r\n');
          this.#finish({ kind: 'end' });
        } else this.#edit(text, key);
        return;
      case 'r':
        this.#search = { state: newSearch, line: this.#reader.line, cursor: this.#reader.cursor };
        this.#showSearch(this.#search);
        return;
      case 'y':
        if (this.#killed !== '') this.#reader.write(this.#killed);
        return;
      case 't':
        this.#transpose();
        return;
      case 'z':
        this.#suspending = true;
        this.#mark(pasteOff);
        void terminal.suspend().then(() => {
          this.#suspending = false;
          if (this.#answer !== undefined) this.#mark(pasteOn);
          this.#reader.prevRows = 0;
          this.#redraw();
          this.#drain();
        });
        return;
      default:
        if (key.sequence === '\x1c') process.kill(process.pid, 'SIGQUIT');
        else this.#edit(text, key);
    }
  }

  /** What node:readline does with a key. */
  #edit(text: string | undefined, key: Key): void {
    const { line, cursor } = this.#reader;
    this.#reader.write(text ?? '', key);
    if (!isKill(key) || this.#answer === undefined) return;
    // node:readline keeps only what ^K and ^U take away; ^Y is to bring back words too.
    const isBackward = this.#reader.cursor < cursor;
    const killed = isBackward
      ? line.slice(this.#reader.cursor, cursor)
      : line.slice(cursor, cursor + line.length - this.#reader.line.length);
    if (killed !== '') this.#killed = killed;
  }

  /** Pasted text is text, whatever it holds: nothing in it completes, searches or sends the line off. */
  #pressInPaste(text: string | undefined, key: Key): void {
    if (key.name === 'paste-start') this.#paste ??= '';
    else if (key.name !== 'paste-end') this.#paste += text ?? key.sequence ?? '';
    else {
      const [first = '', ...rest] = (this.#paste ?? '').split(/\r\n|\r|\n/).map(withoutControls);
      this.#paste = undefined;
      // Each further line is put at a prompt of its own, where it takes an Enter to count.
      if (rest.at(-1) === '') rest.pop();
      this.#pastedLines.push(...rest);
      if (this.#search !== undefined) this.#leaveSearch(this.#search, 'keep');
      if (first !== '') this.#reader.write(first);
    }
  }

  async #complete(): Promise<void> {
    const { complete } = this.#options;
    if (complete === undefined) return;
    const { line, cursor } = this.#reader;
    const controller = new AbortController();
    this.#completing = controller;
    const isOver = new Promise<undefined>((resolve) => {
      controller.signal.addEventListener('abort', () => resolve(undefined), { once: true });
    });
    try {
      const completion = await Promise.race([complete(line, cursor, controller.signal), isOver]);
      if (completion !== undefined && this.#answer !== undefined) this.#offer(completion, line, cursor);
    } catch {
      // What cannot be looked up is not offered.
      this.#options.output.write('\x07');
    } finally {
      this.#completing = undefined;
      this.#drain();
    }
  }

  #offer({ start, candidates, suffix = '' }: Completion, line: string, cursor: number): void {
    const { output } = this.#options;
    if (candidates.length === 0) {
      output.write('\x07');
      return;
    }
    const typed = line.slice(start, cursor);
    const beginning = commonBeginning(candidates);
    const isWhole = candidates.length === 1 && beginning === candidates[0]?.insert;
    const word = isWhole ? beginning + suffix : beginning;
    // The word may be quoted otherwise than it was typed; but it never becomes less.
    const isMore = word !== typed && (word.length > typed.length || isWhole);
    if (isMore) this.#setLine(line.slice(0, start) + word + line.slice(cursor), start + word.length);
    if (candidates.length === 1 || (isMore && word.length > typed.length)) return;
    this.#leaveLine('');
    const columns = output.columns || defaultColumns;
    for (const row of formatCandidates(candidates, columns)) output.write(`${row}\r\n`);
    this.#redraw();
  }

  #pressInSearch(search: SearchUnderWay, text: string | undefined, key: Key): void {
    const { query } = search.state;
    if (key.ctrl && key.name === 'r') search.state = searchOlder(search.state, this.#history);
    else if (key.name === 'backspace' || (key.ctrl && key.name === 'h')) {
      search.state = searchFor(search.state, Array.from(query).slice(0, -1).join(''), this.#history);
    } else if (key.ctrl && (key.name === 'g' || key.name === 'c')) {
      this.#leaveSearch(search, 'drop');
      return;
    } else if (text !== undefined && text !== '' && !key.ctrl && !key.meta && withoutControls(text) === text) {
      search.state = searchFor(search.state, query + text, this.#history);
    } else {
      this.#leaveSearch(search, 'keep');
      if (key.name !== 'escape') this.#press(text, key);
      return;
    }
    this.#showSearch(search);
  }

  #showSearch({ state, line }: SearchUnderWay): void {
    const found = state.index === undefined ? line : (this.#history[state.index] ?? '');
    this.#reader.setPrompt(formatSearchPrompt(state));
    this.#draw(found, state.index === undefined ? found.length : found.indexOf(state.query));
  }

  #leaveSearch({ line, cursor }: SearchUnderWay, verdict: 'keep' | 'drop'): void {
    this.#search = undefined;
    if (verdict === 'drop') this.#setLine(line, cursor);
    else this.#setLine(this.#reader.line, this.#reader.cursor);
  }

  /** ^T: the characters before and behind the cursor change places; at the end the last two. */
  #transpose(): void {
    const { line, cursor } = this.#reader;
    const before = Array.from(line.slice(0, cursor));
    const after = Array.from(line.slice(cursor));
    if (after.length === 0) after.unshift(before.pop() ?? '');
    const [first, second] = [before.pop(), after.shift()];
    if (first === undefined || second === undefined || second === '') return;
    const head = before.join('') + second + first;
    this.#setLine(head + after.join(''), head.length);
  }

  /** A terminal that knows no escape sequences would show them. */
  #mark(sequence: string): void {
    if (process.env.TERM !== 'dumb') this.#options.output.write(sequence);
  }

  #setLine(line: string, cursor = line.length): void {
    this.#reader.setPrompt(this.#prompt);
    this.#draw(line, cursor);
  }

  #draw(line: string, cursor: number): void {
    this.#reader.line = line;
    this.#reader.cursor = cursor;
    this.#redraw();
  }

  #redraw(): void {
    if (this.#answer !== undefined) this.#reader.prompt(true);
  }

  /** Goes below the line, however many rows it has, to write something there. */
  #leaveLine(mark: string): void {
    const { line, cursor } = this.#reader;
    if (cursor !== line.length) this.#draw(line, line.length);
    this.#options.output.write(`${mark}\r\n`);
    this.#reader.prevRows = 0;
    this.#reader.cursor = cursor;
  }
}

function isKill({ ctrl, meta, name = '' }: Key): boolean {
  return ctrl
    ? ['k', 'u', 'w', 'backspace'].includes(name)
    : meta === true && ['d', 'backspace', 'delete'].includes(name);
}

function withoutControls(text: string): string {
  return text.replaceAll('\t', ' ').replace(/\p{Cc}/gu, '');
}
