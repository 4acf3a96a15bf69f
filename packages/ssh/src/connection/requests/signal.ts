/** Channel request signal (RFC 4254 §6.9): deliver a signal to the program. */

import { declareStructure, fields } from '../../wire/index.ts';
import type { FeatureRow } from '../feature.ts';

/** The name without SIG: INT, TERM, INFO@openssh.com. */
export const signal = {
  name: 'signal',
  feature: undefined,
  sentBy: 'client',
  data: declareStructure('signal', { signal: fields.name }),
} as const satisfies FeatureRow & { data: object };

/** The signals of RFC 4254 §6.10; others are written name@domain. */
export const signalNames = [
  'ABRT',
  'ALRM',
  'FPE',
  'HUP',
  'ILL',
  'INT',
  'KILL',
  'PIPE',
  'QUIT',
  'SEGV',
  'TERM',
  'USR1',
  'USR2',
] as const;

export type SignalName = (typeof signalNames)[number] | `${string}@${string}`;
