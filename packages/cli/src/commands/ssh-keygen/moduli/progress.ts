/** What both steps of -M share: options, and the words in which they say how far they are. */

/** A line on stderr; -q does not silence it, as in OpenSSH. */
export function say(text: string): void {
  process.stderr.write(`${text}\n`);
}

/** `name=value`; the name alone where there is no sign between them. */
export function splitOption(option: string): [name: string, value: string] {
  const at = option.indexOf('=');
  return at < 0 ? ['', option] : [option.slice(0, at), option.slice(at + 1)];
}

/** Local time as ctime(3) has it: `Sun Nov  2 20:21:37 2026`. */
export function clock(ms: number): string {
  const time = new Date(ms);
  const two = (number: number): string => String(number).padStart(2, '0');
  const day = String(time.getDate()).padStart(2);
  const ofDay = [time.getHours(), time.getMinutes(), time.getSeconds()].map(two).join(':');
  return `${days[time.getDay()]} ${months[time.getMonth()]} ${day} ${ofDay} ${time.getFullYear()}`;
}

const days = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];
const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
