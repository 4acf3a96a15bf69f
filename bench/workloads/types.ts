/** What a workload is. */
import type { Table } from '../table.ts';

export interface BenchSettings {
  /** Repetitions of every row. */
  readonly repetitions: number;
  /** Bytes that a bulk transfer moves. */
  readonly bulkBytes: number;
  /** Ciphers of bulk transfers, by OpenSSH's names. */
  readonly ciphers: readonly string[];
  /** Only rows whose name holds this. The base is always measured. */
  readonly rows: string | undefined;
  /** Leaves out tables that no target asks for, so that all of them fit into an hour. */
  readonly isBrief: boolean;
  readonly progress: (line: string) => void;
}

export interface Workload {
  readonly name: string;
  /** What it does and how to read it, in a sentence for the results page. */
  readonly about: string;
  /** Size of a bulk transfer where none was asked for; 256 where this says nothing. */
  readonly defaultMib?: number;
  readonly run: (settings: BenchSettings) => Promise<Table[]>;
}
