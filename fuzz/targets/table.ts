/** Every fuzz target. */
import type { FuzzTarget } from '../target.ts';
import { wireMessage, wireReader } from './wire.ts';

export const targets: readonly FuzzTarget[] = [wireReader, wireMessage];
