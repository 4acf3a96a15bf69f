/** The forms in which a list revokes serials. The data of each begins with its lowest serial, or one below that. */
import { serialBitmap } from './bitmap.ts';
import { serialList } from './list.ts';
import { serialRange } from './range.ts';
import type { SerialForm } from './types.ts';

export const serialForms: readonly SerialForm[] = [serialList, serialRange, serialBitmap];

// By number: a list may have a section for each of its ranges.
const byType: (SerialForm | undefined)[] = [];
for (const form of serialForms) byType[form.type] = form;

/** Which form a section type means; undefined for types of other sections. */
export function findSerialForm(type: number): SerialForm | undefined {
  return byType[type];
}
