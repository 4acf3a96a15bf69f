/** Settings for programs: `ssh -G --json`. The shape is documented in docs/guide/configuration.md; fields are added, never changed. */
import { type ClientKeyword, type ConfigPlace, clientKeywords, type DumpLine } from '@nacre/ssh/config';

/** A value as `-G` prints it, and where it was said. */
export interface SettingJson {
  readonly value: string;
  /** Null for a default; line 0 of `command-line` for flags and `-o`. */
  readonly origin: ConfigPlace | null;
}

/** By keyword in lower case; a list for the keywords of which every line adds one. */
export type SettingsJson = Readonly<Record<string, SettingJson | readonly SettingJson[]>>;

export function shapeSettings(lines: readonly DumpLine[]): SettingsJson {
  const settings: Record<string, SettingJson | SettingJson[]> = {};
  for (const { keyword, text, place } of lines) {
    const name = nameOf(keyword);
    const value = { value: text.slice(name.length + 1), origin: place ?? null };
    const before = settings[name];
    if (Array.isArray(before)) before.push(value);
    else settings[name] = clientKeywords[keyword].accumulates ? [value] : value;
  }
  return settings;
}

export function nameOf(keyword: ClientKeyword): string {
  return clientKeywords[keyword].name.toLowerCase();
}
