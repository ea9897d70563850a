// Text from guests, clients and peers, made safe to print: a terminal must not obey what they wrote.

// Controls, line and paragraph separators, characters that reorder text (Unicode UAX 9), and the byte order mark.
const unsafe = /[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}\ufeff]/gu;

/** `text` on one line, with control and direction characters as visible escapes: `\n`, `\t`, `\x1b`, `\u202e`. */
export function printable(text: string): string {
  return text.replace(unsafe, (character) => {
    if (character === "\n") return "\\n";
    if (character === "\r") return "\\r";
    if (character === "\t") return "\\t";
    const code = character.charCodeAt(0);
    return code < 0x100 ? `\\x${code.toString(16).padStart(2, "0")}` : `\\u${code.toString(16).padStart(4, "0")}`;
  });
}
